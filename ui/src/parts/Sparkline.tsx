/** The shape of the last hours, without an axis; a gap is a gap. */

import { memo } from "react";
import css from "./parts.module.css";
import { withoutSpikes } from "./spikes";

const WIDTH = 100;
const HEIGHT = 26;

/** Return SVG path data; `gapS` is the pause [s] from which on the line is broken; a spike is cut off. */
export function sparkPath(x: readonly number[], y: readonly number[], gapS: number, least: number): string {
  if (x.length < 2) return "";
  const first = x[0] as number;
  const width = (x[x.length - 1] as number) - first || 1;
  const { low, high } = withoutSpikes(y) ?? { low: 0, high: 0 };
  const middle = (low + high) / 2;
  const span = Math.max(high - low, least);
  const parts: string[] = [];
  for (let i = 0; i < x.length; i++) {
    const px = (((x[i] as number) - first) / width) * WIDTH;
    const within = Math.min(Math.max(y[i] as number, low), high);
    const py = HEIGHT - 2 - ((within - middle) / span + 0.5) * (HEIGHT - 4);
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
