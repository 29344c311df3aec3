/** Points of named series, appended in time order, and thinned without losing peaks. */

export interface Points {
  x: number[];
  y: number[];
}

/** Above this many points a series is thinned to half: more than any screen shows. */
export const MAX_POINTS = 6000;

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

  /** Replace what is known from a moment on [s], or all of it, by history; live points newer than it stay. */
  load(history: { name: string; x: number[]; y: number[] }[], sinceS = -Infinity): void {
    for (const { name, x, y } of history) {
      const known = this.series.get(name) ?? { x: [], y: [] };
      const kept = indexAt(known.x, sinceS);
      this.series.set(name, { x: [...known.x.slice(0, kept), ...x], y: [...known.y.slice(0, kept), ...y] });
      for (let i = kept; i < known.x.length; i++) this.append(name, known.x[i] as number, known.y[i] as number);
    }
    this.version++;
  }

  /** Add a point; one that is not newer than the last of its series is dropped. */
  append(name: string, x: number, y: number): boolean {
    const points = this.series.get(name) ?? { x: [], y: [] };
    if (points.x.length > 0 && x <= (points.x[points.x.length - 1] as number)) return false;
    points.x.push(x);
    points.y.push(y);
    this.series.set(name, points.x.length > MAX_POINTS ? thin(points) : points);
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

/** What is going to be drawn: a stretch of time on so many pixels. */
export interface View {
  from: number;
  to: number;
  widthPx: number;
}

/** Width [s] of a column of the drawing: about half a pixel, a power of two so that points stay put while time passes. */
export const columnOf = ({ from, to, widthPx }: View): number =>
  2 ** Math.floor(Math.log2(Math.max(to - from, 1e-3) / (2 * Math.max(widthPx, 1))));

/** The first index whose value is at least `wanted`. */
function indexAt(x: readonly number[], wanted: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Drawn {
  rows: number[];
  values: (number | null)[];
}

/** Points of one series that the view needs: of a column with many, the lowest and the highest, in their order. */
function drawn({ x, y }: Points, { from, to }: View, column: number): Drawn {
  const found: Drawn = { rows: [], values: [] };
  const gap = gapOf(x);
  const put = (row: number, value: number | null): void => {
    found.rows.push(row);
    found.values.push(value);
  };
  const first = Math.max(0, indexAt(x, from) - 1);
  const end = Math.min(x.length, indexAt(x, to) + 1);
  for (let i = first; i < end; ) {
    const at = x[i] as number;
    const before = i > first ? (x[i - 1] as number) : at;
    if (at - before > gap) put(2 * Math.floor((before + at) / 2 / column), null);
    const place = Math.floor(at / column);
    let low = i;
    let high = i;
    let next = i + 1;
    for (; next < end && Math.floor((x[next] as number) / column) === place; next++) {
      if ((y[next] as number) < (y[low] as number)) low = next;
      if ((y[next] as number) > (y[high] as number)) high = next;
    }
    if (low === high) put(2 * place, y[low] as number);
    else {
      put(2 * place, y[Math.min(low, high)] as number);
      put(2 * place + 1, y[Math.max(low, high)] as number);
    }
    i = next;
  }
  return found;
}

/**
 * Lay series on one axis, as uPlot wants them: `undefined` where a series merely has no point,
 * `null` where it was interrupted. The number of rows follows the pixels, not the points.
 */
export function align(series: readonly Points[], view: View): [number[], ...Cell[][]] {
  const column = columnOf(view);
  const all = series.map((points) => drawn(points, view, column));
  const axis = Float64Array.from(new Set(all.flatMap(({ rows }) => rows))).sort();
  const columns = all.map(({ rows, values }) => {
    const cells = new Array<Cell>(axis.length).fill(undefined);
    let next = 0;
    let interrupted = -1;
    let last = -1;
    for (let row = 0; row < axis.length && next < rows.length; row++) {
      if (axis[row] !== rows[next]) continue;
      const cell = values[next++];
      cells[row] = cell;
      if (cell === null) interrupted = last;
      else {
        // Every row of an interruption is null: other series' moments inside it must not bridge it.
        if (interrupted >= 0) cells.fill(null, interrupted + 1, row);
        interrupted = -1;
        last = row;
      }
    }
    return cells;
  });
  return [Array.from(axis, (row) => ((row + 0.5) * column) / 2), ...columns];
}
