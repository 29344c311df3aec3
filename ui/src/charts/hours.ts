/** A stretch of hours since the start of an experiment, as addresses write it: "2.5-7". */

import type { Range } from "./axis";

const HOUR_S = 3600;

/** Return the stretch in seconds; undefined for what is none. */
export function readHours(text: string): Range | undefined {
  const found = /^(-?\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(text);
  const [from, to] = [Number(found?.[1]) * HOUR_S, Number(found?.[2]) * HOUR_S];
  return to - from >= 2 ? [from, to] : undefined;
}

export const writeHours = (zoom: Range | undefined): string =>
  zoom === undefined ? "" : zoom.map((seconds) => Number((seconds / HOUR_S).toFixed(4))).join("-");
