/** Detail of the zoomed stretch: history of long experiments is thinned, so what is zoomed into is fetched again. */

import { useEffect, useMemo, useState } from "react";
import { type Range, useAxis } from "./axis";
import type { Points } from "./points";
import { type Source, useSource } from "./sources";
import type { Wanted } from "./wanted";

const SETTLES_MS = 250;

/** Put detailed points in place of those of the same stretch; news after the last of them stays. */
export function withDetail({ x, y }: Points, detail: Points | undefined, from: number): Points {
  const last = detail?.x.at(-1);
  if (detail === undefined || last === undefined) return { x, y };
  const before = x.findIndex((at) => at >= from);
  const head = before < 0 ? x.length : before;
  const after = x.findIndex((at) => at > last);
  const tail = after < 0 ? x.length : Math.max(after, head);
  return {
    x: [...x.slice(0, head), ...detail.x, ...x.slice(tail)],
    y: [...y.slice(0, head), ...detail.y, ...y.slice(tail)],
  };
}

/** Whether the leader may have left points out: of each pixel it returns one to four, and half of the pixels may be empty. */
export const isThinned = (series: ReadonlyMap<string, Points>, targetPoints: number): boolean =>
  [...series.values()].some(({ x }) => x.length >= targetPoints / 8 - 2);

/** The zoomed stretch in whole seconds, once it has not moved for a moment. */
function useSettled(zoom: Range | undefined, originS: number): Range | undefined {
  const [settled, settle] = useState(zoom);
  useEffect(() => {
    const timer = setTimeout(() => settle(zoom), SETTLES_MS);
    return () => clearTimeout(timer);
  }, [zoom]);
  return useMemo(
    () =>
      settled && settled === zoom ? [Math.floor(settled[0] + originS), Math.ceil(settled[1] + originS)] : undefined,
    [settled, zoom, originS],
  );
}

interface Detailed {
  source: Source;
  series: ReadonlyMap<string, Points>;
  /** Changes whenever the points did. */
  version: number;
}

const NONE: ReadonlyMap<string, Points> = new Map();

/** Follow a source, with the detail of the stretch that is zoomed into; the axis begins at `originS` [s]. */
export function useDetailed(wanted: Wanted, enabled = true, originS = 0): Detailed {
  const { axis } = useAxis();
  const { source, version } = useSource(wanted, enabled);
  const stretch = useSettled(axis.zoom, originS);
  const asks = enabled && stretch !== undefined && isThinned(source.table.series, wanted.targetPoints);
  const fine = useSource({ ...wanted, stretch }, asks);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the versions count changes of the mutable tables
  const series = useMemo(() => {
    if (!enabled) return NONE;
    const detail = fine.source.table.series;
    if (!asks || stretch === undefined || detail.size === 0) return new Map(source.table.series);
    const names = new Set([...source.table.series.keys(), ...detail.keys()]);
    const known = (name: string): Points => source.table.series.get(name) ?? { x: [], y: [] };
    return new Map([...names].map((name) => [name, withDetail(known(name), detail.get(name), stretch[0])]));
  }, [source, version, fine.source, fine.version, asks, stretch, enabled]);
  return { source, series, version: version + fine.version };
}
