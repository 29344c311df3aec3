/** Curves of one device over each other, with the points they were made from. */

import { plain } from "@/parts/format";
import type { Stroke } from "@/charts/palette";
import { evaluate, type Calibration } from "./curve";
import css from "./calibrations.module.css";

const WIDTH = 560;
const HEIGHT = 240;
const EDGE = { left: 56, right: 24, top: 26, bottom: 34 };
const STEPS = 60;

export interface Shown {
  calibration: Calibration;
  stroke: Stroke;
}

/** Round steps that divide a range into about four. */
export function steps(low: number, high: number): number[] {
  const raw = (high - low) / 4 || 1;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * magnitude).find((n) => n >= raw) ?? raw;
  const found: number[] = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) found.push(n * step);
  return found;
}

export function CurvePlot({ shown }: { shown: readonly Shown[] }) {
  const xs = shown.flatMap(({ calibration }) => calibration.recorded_data.x);
  if (xs.length === 0) return <p className="soft">No points were recorded.</p>;
  const [xLow, xHigh] = [Math.min(0, ...xs), Math.max(...xs)];
  const curves = shown.map(({ calibration, stroke }) => {
    const recorded = calibration.recorded_data.x;
    const [from, to] = [Math.min(...recorded), Math.max(...recorded)];
    const points = Array.from({ length: STEPS + 1 }, (_, i) => from + ((to - from) * i) / STEPS).map((x): [number, number] => [x, evaluate(calibration.curve_data_, x)]);
    return { calibration, stroke, points };
  });
  const ys = [...shown.flatMap(({ calibration }) => calibration.recorded_data.y), ...curves.flatMap(({ points }) => points.map(([, y]) => y))];
  const [yLow, yHigh] = [Math.min(0, ...ys), Math.max(...ys)];
  const px = (x: number): number => EDGE.left + ((x - xLow) / (xHigh - xLow || 1)) * (WIDTH - EDGE.left - EDGE.right);
  const py = (y: number): number => HEIGHT - EDGE.bottom - ((y - yLow) / (yHigh - yLow || 1)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const first = shown[0]?.calibration;
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className={css.plot} role="img" aria-label={`Curves: ${first?.y ?? ""} over ${first?.x ?? ""}`}>
      {steps(yLow, yHigh).map((y) => (
        <g key={y}>
          <line x1={EDGE.left} x2={WIDTH - EDGE.right} y1={py(y)} y2={py(y)} className={css.grid} />
          <text x={EDGE.left - 6} y={py(y) + 4} textAnchor="end" className={css.tick}>
            {plain(y)}
          </text>
        </g>
      ))}
      {steps(xLow, xHigh).map((x) => (
        <text key={x} x={px(x)} y={HEIGHT - EDGE.bottom + 15} textAnchor="middle" className={css.tick}>
          {plain(x)}
        </text>
      ))}
      <text x={WIDTH - EDGE.right} y={HEIGHT - 3} textAnchor="end" className={css.tick}>
        {first?.x}
      </text>
      <text x={4} y={12} className={css.tick}>
        {first?.y}
      </text>
      {curves.map(({ calibration, stroke, points }) => (
        <g key={`${calibration.pioreactor_unit}/${calibration.calibration_name}`} opacity={calibration.is_active ? 1 : 0.45}>
          <polyline points={points.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join(" ")} fill="none" stroke={stroke.color} strokeWidth={calibration.is_active ? 2.2 : 1.4} strokeDasharray={stroke.dash.join(" ")} />
          {calibration.recorded_data.x.map((x, i) => (
            <circle key={i} cx={px(x)} cy={py(calibration.recorded_data.y[i] ?? 0)} r="3" fill={stroke.color} />
          ))}
        </g>
      ))}
    </svg>
  );
}
