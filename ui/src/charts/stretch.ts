/** What a stretch of a series amounts to: mean, slope, doubling time. */

import type { Points } from "./points";

export interface Summary {
  n: number;
  mean: number;
  /** Change per hour of the least-squares line. */
  slopePerH: number;
  /** Hours in which an exponential through the stretch doubles; undefined when it does not grow. */
  doublingH: number | undefined;
}

function slope(x: readonly number[], y: readonly number[]): number {
  const n = x.length;
  const mx = x.reduce((a, b) => a + b, 0) / n;
  const my = y.reduce((a, b) => a + b, 0) / n;
  let up = 0;
  let down = 0;
  for (let i = 0; i < n; i++) {
    up += ((x[i] as number) - mx) * ((y[i] as number) - my);
    down += ((x[i] as number) - mx) ** 2;
  }
  return down === 0 ? 0 : up / down;
}

/** Summarize the points between two moments [s]; undefined when there are fewer than two. */
export function summarize(points: Points, from: number, to: number): Summary | undefined {
  const hours: number[] = [];
  const values: number[] = [];
  for (let i = 0; i < points.x.length; i++) {
    const at = points.x[i] as number;
    if (at < from || at > to) continue;
    hours.push((at - from) / 3600);
    values.push(points.y[i] as number);
  }
  if (hours.length < 2) return undefined;
  const rate = values.every((value) => value > 0) ? slope(hours, values.map(Math.log)) : 0;
  return {
    n: hours.length,
    mean: values.reduce((a, b) => a + b, 0) / values.length,
    slopePerH: slope(hours, values),
    doublingH: rate > 1e-6 ? Math.LN2 / rate : undefined,
  };
}
