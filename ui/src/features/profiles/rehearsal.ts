/** A rehearsal as charts, rows and words. */

import type { Bottle, ForecastOfUnit, RehearsalForecast, RehearsalRange } from "@/api/types";
import type { Points } from "@/charts/points";
import { fixed, legible } from "@/parts/format";

const HOUR_S = 3600;

export interface Quantity {
  key: "od" | "growth_rate_per_h" | "celsius" | "volume_ml";
  title: string;
  decimals: number;
  domain: readonly [number, number];
}

export const QUANTITIES: readonly Quantity[] = [
  { key: "od", title: "Optical density", decimals: 3, domain: [0, 0.1] },
  { key: "growth_rate_per_h", title: "Growth rate [1/h]", decimals: 3, domain: [0, 0.1] },
  { key: "celsius", title: "Liquid [°C]", decimals: 1, domain: [20, 22] },
  { key: "volume_ml", title: "Volume [mL]", decimals: 1, domain: [0, 2] },
];

/** The values at each hour, as points of a chart whose time begins with the rehearsal. */
export const pointsOf = (hours: readonly number[], values: readonly number[]): Points => ({
  x: hours.map((hour) => hour * HOUR_S),
  y: [...values],
});

/** The band of a quantity of one unit, and its median. */
export function bandOf(found: RehearsalForecast, unit: ForecastOfUnit, key: Quantity["key"]) {
  const { low, median, high } = unit[key];
  return {
    low: pointsOf(found.hours, low),
    median: pointsOf(found.hours, median),
    high: pointsOf(found.hours, high),
  };
}

const NAMES: Record<string, string> = { media: "Media", alt_media: "Alternative media", waste: "Waste" };

export const nameOfBottle = (bottle: Bottle): string => NAMES[bottle.bottle] ?? bottle.bottle;

/** "288 to 318 mL", or one number where both are the same. */
export const rangeOf = ({ low, high }: RehearsalRange, unit: string, decimals = 1): string => {
  const [from, to] = [legible(low, decimals), legible(high, decimals)];
  return from === to ? `${from} ${unit}` : `${from} to ${to} ${unit}`;
};

/** When a bottle is empty or full. */
export function endOf(bottle: Bottle, runs: number): string {
  if (bottle.size_ml === null) return "size of the bottle not known";
  const what = bottle.bottle === "waste" ? "full" : "empty";
  if (bottle.ends_at_h === null) return `not ${what}`;
  const often = bottle.ends_in_runs < runs ? ` in ${bottle.ends_in_runs} of ${runs} runs` : "";
  return `${what} after ${rangeOf(bottle.ends_at_h, "h")}${often}`;
}

/** What was rehearsed, in one line. */
export function about(found: RehearsalForecast): string {
  const length = `${fixed(found.hours.at(-1) ?? 0, 1)} h`;
  const end = found.finishes_at_h === null ? "the profile does not end" : "";
  const ends = found.finishes_at_h && `the profile ends after ${rangeOf(found.finishes_at_h, "h")}`;
  const partly = found.is_complete ? "" : " (canceled)";
  return `${found.runs} ${found.runs === 1 ? "run" : "runs"}${partly} of ${length}; ${ends ?? end}.`;
}

/** A number of a field, nothing for a blank one. */
export const numberIn = (text: string): number | null => (text.trim() === "" ? null : Number(text));
