/** The shape of the last hours, without an axis; a gap is a gap. */

import { memo } from "react";
import css from "./parts.module.css";

const WIDTH = 100;
const HEIGHT = 26;

/** Return SVG path data; `gapS` is the pause [s] from which on the line is broken. */
export function sparkPath(x: readonly number[], y: readonly number[], gapS: number, least: number): string {
  if (x.length < 2) return "";
  const first = x[0] as number;
  const width = (x[x.length - 1] as number) - first || 1;
  let low = Infinity;
  let high = -Infinity;
  for (const value of y) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const middle = (low + high) / 2;
  const span = Math.max(high - low, least);
  const parts: string[] = [];
  for (let i = 0; i < x.length; i++) {
    const px = (((x[i] as number) - first) / width) * WIDTH;
    const py = HEIGHT - 2 - (((y[i] as number) - middle) / span + 0.5) * (HEIGHT - 4);
    const broken = i === 0 || (x[i] as number) - (x[i - 1] as number) > gapS;
    parts.push(`${broken ? "M" : "L"}${px.toFixed(1)} ${py.toFixed(1)}`);
  }
  return parts.join("");
}

interface Props {
  x: readonly number[];
  y: readonly number[];
  color: string;
  /** The smallest range drawn over the full height: noise stays small. */
  least: number;
}

export const Sparkline = memo(function Sparkline({ x, y, color, least }: Props) {
  const spanS = x.length > 1 ? (x[x.length - 1] as number) - (x[0] as number) : 0;
  const d = sparkPath(x, y, Math.max(600, spanS / 10), least);
  return (
    <svg className={css.sparkline} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path
        d={d}
        fill="none"
        stroke={color}
        strokeWidth="1.5"
        strokeLinejoin="round"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
});
