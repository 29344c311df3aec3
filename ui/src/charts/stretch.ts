/** What a stretch of a series amounts to: mean, trend, doubling time; only what the data tell. */

import { duration, legible, reading } from "@/parts/format";
import type { Points } from "./points";

export interface Summary {
  n: number;
  mean: number;
  /** Change per hour of the least-squares line; undefined when it is no more than the scatter around it. */
  slopePerH: number | undefined;
  /** Exponential growth per hour; undefined when the values do not follow one. */
  ratePerH: number | undefined;
}

interface Line {
  slope: number;
  /** Whether the change over the stretch stands out of the scatter around the line. */
  stands: boolean;
}

/** Fewer points than this make no trend. */
const MIN_POINTS = 5;
/** The change over the stretch has to be this many standard deviations of the scatter. */
const MIN_CHANGE = 2;

function fitLine(x: readonly number[], y: readonly number[]): Line {
  const n = x.length;
  const mx = x.reduce((a, b) => a + b, 0) / n;
  const my = y.reduce((a, b) => a + b, 0) / n;
  let up = 0;
  let down = 0;
  for (let i = 0; i < n; i++) {
    up += ((x[i] as number) - mx) * ((y[i] as number) - my);
    down += ((x[i] as number) - mx) ** 2;
  }
  const slope = down === 0 ? 0 : up / down;
  const squares = y.reduce((sum, value, i) => sum + (value - my - slope * ((x[i] as number) - mx)) ** 2, 0);
  const scatter = Math.sqrt(squares / Math.max(n - 2, 1));
  const change = Math.abs(slope) * ((x[n - 1] as number) - (x[0] as number));
  return { slope, stands: n >= MIN_POINTS && change > MIN_CHANGE * scatter && change > 1e-9 * Math.abs(my) };
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
  const line = fitLine(hours, values);
  const exponential = values.every((value) => value > 0) ? fitLine(hours, values.map(Math.log)) : undefined;
  return {
    n: hours.length,
    mean: values.reduce((a, b) => a + b, 0) / values.length,
    slopePerH: line.stands ? line.slope : undefined,
    ratePerH: exponential?.stands ? exponential.slope : undefined,
  };
}

/** What a chart shows: how much grows, how fast it grows, or anything else. */
export type Quantity = "biomass" | "rate" | "other";

const LONGEST_DOUBLING_H = 500;

/** The summary in words: a growth rate for biomass, a slope for what is neither biomass nor a rate. */
export function inWords({ mean, slopePerH, ratePerH }: Summary, quantity: Quantity, decimals: number): string {
  const words = [`mean ${legible(mean, decimals)}`];
  const signed = (value: number): string => `${value >= 0 ? "+" : "−"}${reading(Math.abs(value))}`;
  if (quantity === "biomass" && ratePerH !== undefined) {
    words.push(`growth ${signed(ratePerH)} /h`);
    const doublingH = Math.LN2 / ratePerH;
    if (doublingH > 0 && doublingH < LONGEST_DOUBLING_H) words.push(`doubles in ${duration(doublingH * 3600)}`);
  }
  if (quantity === "other" && slopePerH !== undefined) words.push(`${signed(slopePerH)} per hour`);
  return words.join(", ");
}
