/** Measured points and the curves through them, on axes that begin at zero where they can, or are logarithmic. */

import type { Ref } from "react";
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

export type Scale = "linear" | "log";

/** Powers of ten within a range; between them 2 and 5 where there are few. */
export function decades(low: number, high: number): number[] {
  const factors = high / low < 100 ? [1, 2, 5] : [1];
  const found: number[] = [];
  for (let n = Math.floor(Math.log10(low)); n <= Math.log10(high); n++)
    found.push(...factors.map((factor) => Number((factor * 10 ** n).toPrecision(6))));
  const within = found.filter((value) => value >= low * 0.999 && value <= high * 1.001);
  return within.length > 1 ? within : [low, high];
}

/** One axis: what it covers, where a value is from 0 to 1, and its ticks. */
export function axisOf(values: readonly number[], scale: Scale) {
  const known = scale === "log" ? values.filter((value) => value > 0) : values;
  const low = scale === "log" ? Math.min(...known) : Math.min(0, ...known);
  const high = Math.max(...known);
  const of = (value: number): number => (scale === "log" ? Math.log10(value) : value);
  return {
    shows: (value: number): boolean => scale === "linear" || value >= low,
    at: (value: number): number => (of(value) - of(low)) / (of(high) - of(low) || 1),
    ticks: scale === "log" ? decades(low, high) : steps(low, high),
  };
}

export function Scatter({
  xLabel,
  yLabel,
  series,
  scale = "linear",
  ref,
}: {
  xLabel: string;
  yLabel: string;
  series: readonly ScatterSeries[];
  scale?: Scale;
  ref?: Ref<SVGSVGElement>;
}) {
  const xs = series.flatMap(({ x }) => x);
  if (xs.length === 0) return <p className="soft">No points were recorded.</p>;
  const curves = series.map((one) => ({ one, points: along(one) }));
  const ys = [...series.flatMap(({ y }) => y), ...curves.flatMap(({ points }) => points.map(([, y]) => y))];
  const [xAxis, yAxis] = [axisOf(xs, scale), axisOf(ys, scale)];
  const px = (x: number): number => EDGE.left + xAxis.at(x) * (WIDTH - EDGE.left - EDGE.right);
  const py = (y: number): number => HEIGHT - EDGE.bottom - yAxis.at(y) * (HEIGHT - EDGE.top - EDGE.bottom);
  const isShown = (x: number, y: number): boolean => xAxis.shows(x) && yAxis.shows(y);
  return (
    <svg
      ref={ref}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      className={css.plot}
      role="img"
      aria-label={`Curves: ${yLabel} over ${xLabel}`}
    >
      {yAxis.ticks.map((y) => (
        <g key={y}>
          <line x1={EDGE.left} x2={WIDTH - EDGE.right} y1={py(y)} y2={py(y)} className={css.grid} />
          <text x={EDGE.left - 6} y={py(y) + 4} textAnchor="end" className={css.tick}>
            {plain(y)}
          </text>
        </g>
      ))}
      {xAxis.ticks.map((x) => (
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
            points={points
              .filter(([at, value]) => isShown(at, value))
              .map(([at, value]) => `${px(at).toFixed(1)},${py(value).toFixed(1)}`)
              .join(" ")}
            fill="none"
            stroke={stroke.color}
            strokeWidth={faint ? 1.4 : 2.2}
            strokeDasharray={stroke.dash.join(" ")}
          />
          {x.map((at, i) =>
            isShown(at, y[i] ?? 0) ? <circle key={i} cx={px(at)} cy={py(y[i] ?? 0)} r="3" fill={stroke.color} /> : null,
          )}
        </g>
      ))}
    </svg>
  );
}
