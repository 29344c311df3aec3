/** Finds readings that stand alone, far outside of all others, so that one of them does not flatten a chart. */

export interface Robust {
  /** Range of the values without the spikes. */
  low: number;
  high: number;
  /** Positions of the spikes. */
  spikes: number[];
}

/** Fewer values than this tell nothing about what is usual. */
const MIN_VALUES = 12;
/** Share of the values that may be spikes, and how many may follow one another. */
const MAX_SHARE = 0.01;
const MAX_RUN = 4;
/** A spike is farther from the others than this many times their range. */
const FAR = 2;

/** Return the range of the usual values; undefined when there are none. */
export function withoutSpikes(values: readonly (number | null | undefined)[]): Robust | undefined {
  const at: number[] = [];
  for (let i = 0; i < values.length; i++) if (typeof values[i] === "number") at.push(i);
  if (at.length === 0) return undefined;
  const value = (place: number): number => values[at[place] as number] as number;
  const sorted = Float64Array.from(at, (i) => values[i] as number).sort();
  const n = sorted.length;
  const whole: Robust = { low: sorted[0] as number, high: sorted[n - 1] as number, spikes: [] };
  if (n < MIN_VALUES) return whole;
  // Few values: less is trimmed.
  const trimmed = Math.min(Math.max(MAX_RUN, Math.floor(n * MAX_SHARE)), Math.floor(n / 6));
  const [low, high] = [sorted[trimmed] as number, sorted[n - 1 - trimmed] as number];
  const span = Math.max(high - low, 1e-3 * Math.max(Math.abs(low), Math.abs(high)), Number.MIN_VALUE);
  const isFar = (place: number): boolean => value(place) > high + FAR * span || value(place) < low - FAR * span;
  if (whole.high <= high + FAR * span && whole.low >= low - FAR * span) return whole;

  const spikes: number[] = [];
  const found: Robust = { low: Infinity, high: -Infinity, spikes };
  for (let place = 0; place < n; ) {
    let next = place;
    while (next < n && isFar(next)) next++;
    // What is far and lasts, or has not come back yet, is the culture and no spike.
    if (next > place && next - place <= Math.min(MAX_RUN, trimmed) && next < n) {
      for (; place < next; place++) spikes.push(at[place] as number);
      continue;
    }
    for (next = Math.max(next, place + 1); place < next; place++) {
      found.low = Math.min(found.low, value(place));
      found.high = Math.max(found.high, value(place));
    }
  }
  return found;
}
