/** The one time axis all charts of a page share: window, zoom, and how time is written. */

import { createContext, useContext, useSyncExternalStore } from "react";
import { clock, clockWithSeconds, day } from "@/parts/format";

/** Hours shown, or everything. */
export type Window = number | "all";
export type TimeStyle = "elapsed" | "clock";

export type Range = [number, number];

export class SharedAxis {
  window: Window = "all";
  style: TimeStyle = "elapsed";
  zoom: Range | undefined;
  /** Start of the experiment [s]. */
  startS = 0;
  private readonly extents = new Map<string, Range>();
  private readonly listeners = new Set<() => void>();
  private revision = 0;

  subscribe = (tell: () => void): (() => void) => {
    this.listeners.add(tell);
    return () => this.listeners.delete(tell);
  };

  version = (): number => this.revision;

  set(changes: Partial<Pick<SharedAxis, "window" | "style" | "zoom" | "startS">>): void {
    Object.assign(this, changes);
    this.revision++;
    this.listeners.forEach((tell) => tell());
  }

  /** Say over which moments a chart has points. */
  covers(chart: string, extent: Range | undefined): void {
    const before = this.extents.get(chart);
    if (before?.[0] === extent?.[0] && before?.[1] === extent?.[1]) return;
    if (extent) this.extents.set(chart, extent);
    else this.extents.delete(chart);
    this.set({});
  }

  range(): Range {
    if (this.zoom) return this.zoom;
    const all = [...this.extents.values()];
    if (all.length === 0) return [this.startS, this.startS + 3600];
    const last = Math.max(...all.map((one) => one[1]));
    const first = this.window === "all" ? Math.min(...all.map((one) => one[0])) : last - this.window * 3600;
    return last - first < 60 ? [last - 60, last] : [first, last];
  }
}

export const AxisContext = createContext<SharedAxis>(new SharedAxis());

export function useAxis(): { axis: SharedAxis; version: number } {
  const axis = useContext(AxisContext);
  return { axis, version: useSyncExternalStore(axis.subscribe, axis.version) };
}

const MIN = 60;
const HOUR = 3600;
const STEPS = [
  1,
  2,
  5,
  10,
  30,
  MIN,
  2 * MIN,
  5 * MIN,
  10 * MIN,
  30 * MIN,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  6 * HOUR,
  12 * HOUR,
].concat([1, 2, 5, 10, 20, 50].map((days) => days * 24 * HOUR));

/** Return moments for ticks: at round steps counted from `originS`, at most one in `spacing` pixels. */
export function ticks([from, to]: Range, widthPx: number, originS: number, spacing = 84): number[] {
  const wanted = ((to - from) * spacing) / Math.max(widthPx, 1);
  const step = STEPS.find((one) => one >= wanted) ?? (STEPS[STEPS.length - 1] as number);
  const found: number[] = [];
  for (let n = Math.ceil((from - originS) / step); originS + n * step <= to; n++) found.push(originS + n * step);
  return found;
}

/** Write a moment counted from the start: hours and minutes, seconds when zoomed far in. */
export function elapsed(seconds: number, spanS: number): string {
  const sign = seconds < 0 ? "−" : "";
  const whole = Math.round(Math.abs(seconds));
  const h = Math.floor(whole / HOUR);
  const m = Math.floor((whole % HOUR) / MIN);
  const two = (n: number): string => String(n).padStart(2, "0");
  if (spanS < 10 * MIN) return `${sign}${h}:${two(m)}:${two(whole % MIN)}`;
  if (spanS < 8 * HOUR) return `${sign}${h}:${two(m)}`;
  return m === 0 ? `${sign}${h} h` : `${sign}${(whole / HOUR).toFixed(1)} h`;
}

export function writeMoment(axis: SharedAxis, seconds: number): string {
  const [from, to] = axis.range();
  if (axis.style === "elapsed") return elapsed(seconds - axis.startS, Math.min(to - from, 7 * HOUR));
  return to - from < 10 * MIN ? clockWithSeconds(seconds) : `${day(seconds)} ${clock(seconds)}`;
}

/** Labels of ticks in clock time: the day at midnight, the time of day otherwise. */
export function clockLabels(moments: readonly number[], spanS: number): string[] {
  return moments.map((moment) => {
    const date = new Date(moment * 1000);
    if (date.getHours() === 0 && date.getMinutes() === 0 && spanS > HOUR) return day(moment);
    return spanS < 10 * MIN ? clockWithSeconds(moment) : clock(moment);
  });
}

/** Midnight [s] of the local day before a moment: where clock ticks are counted from. */
export function midnight(seconds: number): number {
  const date = new Date(seconds * 1000);
  date.setHours(0, 0, 0, 0);
  return date.getTime() / 1000;
}
