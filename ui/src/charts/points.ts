/** Points of named series, appended in time order, and thinned without losing peaks. */

export interface Points {
  x: number[];
  y: number[];
}

/** Above this many points a series is thinned to half: more than any screen shows. */
export const MOST_POINTS = 6000;

/** Halve a series: of every four points keep the lowest and the highest, in their order. */
export function thin({ x, y }: Points): Points {
  const thinned: Points = { x: [], y: [] };
  const keep = (i: number): void => {
    thinned.x.push(x[i] as number);
    thinned.y.push(y[i] as number);
  };
  for (let start = 0; start < x.length; start += 4) {
    const end = Math.min(start + 4, x.length);
    if (end - start <= 2) {
      for (let i = start; i < end; i++) keep(i);
      continue;
    }
    let low = start;
    let high = start;
    for (let i = start + 1; i < end; i++) {
      if ((y[i] as number) < (y[low] as number)) low = i;
      if ((y[i] as number) > (y[high] as number)) high = i;
    }
    if (low === high) high = end - 1;
    keep(Math.min(low, high));
    keep(Math.max(low, high));
  }
  return thinned;
}

export class SeriesTable {
  readonly series = new Map<string, Points>();
  version = 0;

  /** Replace what is known by history; live points newer than it stay. */
  load(history: { name: string; x: number[]; y: number[] }[]): void {
    const before = new Map(this.series);
    this.series.clear();
    for (const { name, x, y } of history) this.series.set(name, { x, y });
    for (const [name, { x, y }] of before) for (let i = 0; i < x.length; i++) this.append(name, x[i] as number, y[i] as number);
    this.version++;
  }

  /** Add a point; one that is not newer than the last of its series is dropped. */
  append(name: string, x: number, y: number): boolean {
    const points = this.series.get(name) ?? { x: [], y: [] };
    if (points.x.length > 0 && x <= (points.x[points.x.length - 1] as number)) return false;
    points.x.push(x);
    points.y.push(y);
    this.series.set(name, points.x.length > MOST_POINTS ? thin(points) : points);
    this.version++;
    return true;
  }

  /** The first and last moment [s] of all series, or undefined when there is none. */
  extent(): [number, number] | undefined {
    let first = Infinity;
    let last = -Infinity;
    for (const { x } of this.series.values()) {
      if (x.length === 0) continue;
      first = Math.min(first, x[0] as number);
      last = Math.max(last, x[x.length - 1] as number);
    }
    return last === -Infinity ? undefined : [first, last];
  }
}

/** Return the pause [s] from which on a series counts as interrupted: several times its usual step. */
export function gapOf(x: readonly number[]): number {
  if (x.length < 3) return Infinity;
  const steps: number[] = [];
  const stride = Math.max(1, Math.floor(x.length / 200));
  for (let i = 1; i < x.length; i += stride) steps.push((x[i] as number) - (x[i - 1] as number));
  steps.sort((a, b) => a - b);
  return Math.max(60, 8 * (steps[Math.floor(steps.length / 2)] as number));
}

export type Cell = number | null | undefined;

/**
 * Lay series on one axis, as uPlot wants them: `undefined` where a series merely has no point,
 * `null` where it was interrupted.
 */
export function align(series: readonly Points[]): [number[], ...Cell[][]] {
  const moments = new Set<number>();
  const withGaps = series.map(({ x, y }) => {
    const gap = gapOf(x);
    const gx: number[] = [];
    const gy: (number | null)[] = [];
    for (let i = 0; i < x.length; i++) {
      const now = x[i] as number;
      const before = x[i - 1];
      if (before !== undefined && now - before > gap) {
        gx.push((before + now) / 2);
        gy.push(null);
      }
      gx.push(now);
      gy.push(y[i] as number);
    }
    gx.forEach((moment) => moments.add(moment));
    return { gx, gy };
  });
  const axis = Float64Array.from(moments).sort();
  const columns = withGaps.map(({ gx, gy }) => {
    const column = new Array<Cell>(axis.length).fill(undefined);
    let next = 0;
    let interrupted = -1;
    let last = -1;
    for (let row = 0; row < axis.length && next < gx.length; row++) {
      if (axis[row] !== gx[next]) continue;
      const cell = gy[next++];
      column[row] = cell;
      if (cell === null) interrupted = last;
      // Every row of an interruption is null: other series' moments inside it must not bridge it.
      else if (interrupted >= 0) {
        column.fill(null, interrupted + 1, row);
        interrupted = -1;
      }
      if (cell !== null) last = row;
    }
    return column;
  });
  return [Array.from(axis), ...columns];
}
