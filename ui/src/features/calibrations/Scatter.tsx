/** Measured points and the curves through them, on axes that begin at zero where they can. */

import type { Stroke } from "@/charts/palette";
import { plain } from "@/parts/format";
import css from "./calibrations.module.css";
import { type Curve, evaluate } from "./curve";

const WIDTH = 560;
const HEIGHT = 240;
const EDGE = { left: 56, right: 24, top: 26, bottom: 34 };
const STEPS = 60;

export interface ScatterSeries {
  id: string;
  x: readonly number[];
  y: readonly number[];
  curve?: Curve | undefined;
  stroke: Stroke;
  faint?: boolean;
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

function along({ x, curve }: ScatterSeries): [number, number][] {
  if (!curve) return [];
  const [from, to] = [Math.min(...x), Math.max(...x)];
  return Array.from({ length: STEPS + 1 }, (_, i) => from + ((to - from) * i) / STEPS).map((at): [number, number] => [
    at,
    evaluate(curve, at),
  ]);
}

export function Scatter({
  xLabel,
  yLabel,
  series,
}: {
  xLabel: string;
  yLabel: string;
  series: readonly ScatterSeries[];
}) {
  const xs = series.flatMap(({ x }) => x);
  if (xs.length === 0) return <p className="soft">No points were recorded.</p>;
  const [xLow, xHigh] = [Math.min(0, ...xs), Math.max(...xs)];
  const curves = series.map((one) => ({ one, points: along(one) }));
  const ys = [...series.flatMap(({ y }) => y), ...curves.flatMap(({ points }) => points.map(([, y]) => y))];
  const [yLow, yHigh] = [Math.min(0, ...ys), Math.max(...ys)];
  const px = (x: number): number => EDGE.left + ((x - xLow) / (xHigh - xLow || 1)) * (WIDTH - EDGE.left - EDGE.right);
  const py = (y: number): number =>
    HEIGHT - EDGE.bottom - ((y - yLow) / (yHigh - yLow || 1)) * (HEIGHT - EDGE.top - EDGE.bottom);
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      className={css.plot}
      role="img"
      aria-label={`Curves: ${yLabel} over ${xLabel}`}
    >
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
        {xLabel}
      </text>
      <text x={4} y={12} className={css.tick}>
        {yLabel}
      </text>
      {curves.map(({ one: { id, x, y, stroke, faint }, points }) => (
        <g key={id} opacity={faint ? 0.45 : 1}>
          <polyline
            points={points.map(([at, value]) => `${px(at).toFixed(1)},${py(value).toFixed(1)}`).join(" ")}
            fill="none"
            stroke={stroke.color}
            strokeWidth={faint ? 1.4 : 2.2}
            strokeDasharray={stroke.dash.join(" ")}
          />
          {x.map((at, i) => (
            <circle key={i} cx={px(at)} cy={py(y[i] ?? 0)} r="3" fill={stroke.color} />
          ))}
        </g>
      ))}
    </svg>
  );
}
