/** A canvas with lines over the page's time axis; the parent decides which lines. */

import { type KeyboardEvent, type RefObject, useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type Range, type SharedAxis, useAxis } from "./axis";
import type { Band } from "./bands";
import css from "./charts.module.css";
import type { Note } from "./notes";
import { type Doses, type Line, plotOptions } from "./plot";
import { align, type Points } from "./points";

export interface TimeChartProps {
  title: string;
  lines: readonly Line[];
  points: readonly Points[];
  /** Changes whenever the points did. */
  version: number;
  log: boolean;
  stepped: boolean;
  decimals: number;
  domain: readonly [number, number] | null;
  dark: boolean;
  height: number;
  doses: readonly Doses[];
  notes: readonly Note[];
  bands: readonly Band[];
  onCursor: (index: number | null, at: number | undefined) => void;
  /** Called with the moment [s] of a click; undefined while a click means nothing. */
  onPick?: ((at: number) => void) | undefined;
  plotRef: RefObject<uPlot | null>;
}

/** Move or scale the visible stretch; positive steps go forward in time. */
export function stretch([from, to]: Range, key: string): Range | undefined {
  const span = to - from;
  const middle = (from + to) / 2;
  if (key === "ArrowLeft") return [from - span / 4, to - span / 4];
  if (key === "ArrowRight") return [from + span / 4, to + span / 4];
  if (key === "+" || key === "=") return [middle - span / 4, middle + span / 4];
  if (key === "-") return [middle - span, middle + span];
  return undefined;
}

function zoomByKey(event: KeyboardEvent, axis: SharedAxis): void {
  if (event.key === "Escape" || event.key === "0") {
    axis.set({ zoom: undefined });
    return;
  }
  const zoom = stretch(axis.range(), event.key);
  if (!zoom) return;
  event.preventDefault();
  axis.set({ zoom });
}

const cleaned = (points: readonly Points[], log: boolean): readonly Points[] =>
  log
    ? points.map(({ x, y }) => {
        const kept = x.map((_, i) => i).filter((i) => (y[i] as number) > 0);
        return { x: kept.map((i) => x[i] as number), y: kept.map((i) => y[i] as number) };
      })
    : points;

function laidOut(points: readonly Points[], log: boolean, axis: SharedAxis, widthPx: number): uPlot.AlignedData {
  const [from, to] = axis.range();
  return align(cleaned(points, log), { from, to, widthPx }) as uPlot.AlignedData;
}

/** The moment [s] under the pointer, or undefined beside the plot. */
function momentUnder(plot: uPlot, clientX: number): number | undefined {
  const { left, width } = plot.over.getBoundingClientRect();
  const x = clientX - left;
  return x >= 0 && x <= width ? plot.posToVal(x, "x") : undefined;
}

export function TimeChart(props: TimeChartProps) {
  const { lines, points, version, log, stepped, decimals, domain, dark, height, plotRef } = props;
  const { axis, version: axisVersion } = useAxis();
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const onCursor = useRef(props.onCursor);
  const doses = useRef(props.doses);
  const notes = useRef(props.notes);
  const bands = useRef(props.bands);
  const drawing = useRef({ timer: 0, costMs: 0, lastMs: 0 });
  const shape = JSON.stringify([
    lines.map((line) => [line.name, line.visible, line.stroke]),
    log,
    stepped,
    decimals,
    domain,
    dark,
    axis.style,
  ]);
  useEffect(() => {
    onCursor.current = props.onCursor;
    doses.current = props.doses;
    notes.current = props.notes;
    bands.current = props.bands;
  });

  useEffect(() => {
    if (props.notes) plotRef.current?.redraw(false, false);
  }, [props.notes, plotRef]);

  useEffect(() => {
    const seen = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    if (box.current) seen.observe(box.current);
    return () => seen.disconnect();
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for all options that need a new plot
  useEffect(() => {
    if (!box.current || width === 0) return;
    const plot: uPlot = new uPlot(
      plotOptions({
        lines,
        axis,
        log,
        stepped,
        decimals,
        domain,
        width,
        height,
        syncKey: "page",
        doses: () => doses.current,
        notes: () => notes.current,
        bands: () => bands.current,
        onCursor: (index) => onCursor.current(index, index === null ? undefined : plot.data[0]?.[index]),
        paths: {
          linear: uPlot.paths.linear?.() as uPlot.Series.PathBuilder,
          stepped: uPlot.paths.stepped?.({ align: 1 }) as uPlot.Series.PathBuilder,
        },
      }),
      laidOut(points, log, axis, width),
      box.current,
    );
    plotRef.current = plot;
    return () => {
      plotRef.current = null;
      plot.destroy();
    };
    // Points arrive by setData below; only what changes the shape of the plot builds it anew.
  }, [shape, width, height, axis]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the versions count changes of mutable points and axis
  useEffect(() => {
    const draw = drawing.current;
    if (draw.timer !== 0) return;
    // Drawing takes at most a tenth of the time: with many points, news waits a little.
    const wait = Math.max(0, draw.lastMs + 10 * draw.costMs - performance.now());
    draw.timer = window.setTimeout(() => {
      draw.timer = 0;
      const before = performance.now();
      plotRef.current?.setData(laidOut(latest.current, log, axis, width));
      draw.lastMs = performance.now();
      draw.costMs = draw.lastMs - before;
    }, wait);
  }, [version, axisVersion, log, axis, width, plotRef]);
  const latest = useRef(points);
  useEffect(() => {
    latest.current = points;
  });
  useEffect(() => () => clearTimeout(drawing.current.timer), []);

  return (
    <div
      ref={box}
      className={css.plot}
      style={{ height }}
      tabIndex={0}
      role="img"
      aria-label={`${props.title}, chart. Drag to zoom; arrow keys move, plus and minus zoom, Escape resets.`}
      data-picking={props.onPick !== undefined || undefined}
      onClick={(event) => {
        const at = plotRef.current && momentUnder(plotRef.current, event.clientX);
        if (typeof at === "number") props.onPick?.(at);
      }}
      onDoubleClick={() => axis.set({ zoom: undefined })}
      onKeyDown={(event) => zoomByKey(event, axis)}
    />
  );
}
