/** Bands of uncertainty around lines, filled behind them. */

import type uPlot from "uplot";
import { gapOf, type Points } from "./points";

export interface Band {
  low: Points;
  high: Points;
  color: string;
}

/** Stretches [s] without a gap. */
export function unbroken(x: readonly number[]): [number, number][] {
  const gap = gapOf(x);
  const found: [number, number][] = [];
  let start = 0;
  for (let i = 1; i <= x.length; i++) {
    if (i < x.length && (x[i] as number) - (x[i - 1] as number) <= gap) continue;
    found.push([x[start] as number, x[i - 1] as number]);
    start = i;
  }
  return found;
}

const within = ({ x }: Points, [from, to]: [number, number]): number[] =>
  x.map((_, i) => i).filter((i) => (x[i] as number) >= from && (x[i] as number) <= to);

/** Fill the bands that are in view. The edges are thinned each on its own, so they may lie at different moments. */
export function drawBands(u: uPlot, bands: readonly Band[]): void {
  const { ctx, bbox } = u;
  const [from, to] = [u.scales.x?.min ?? 0, u.scales.x?.max ?? 0];
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.globalAlpha = 0.16;
  for (const { low, high, color } of bands) {
    ctx.fillStyle = color;
    for (const [begin, end] of unbroken(high.x)) {
      if (end < from || begin > to || begin === end) continue;
      const seen: [number, number] = [Math.max(begin, from), Math.min(end, to)];
      const draw = (points: Points) => (i: number) =>
        ctx.lineTo(u.valToPos(points.x[i] as number, "x", true), u.valToPos(points.y[i] as number, "y", true));
      ctx.beginPath();
      within(high, seen).forEach(draw(high));
      within(low, seen).reverse().forEach(draw(low));
      ctx.fill();
    }
  }
  ctx.restore();
}
