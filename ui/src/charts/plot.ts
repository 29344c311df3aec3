/** Builds the uPlot options of a time chart from our tokens and the shared axis. */

import type uPlot from "uplot";
import { fixed, legible, reading } from "@/parts/format";
import { type Robust, withoutSpikes } from "@/parts/spikes";
import { clockLabels, elapsed, midnight, type SharedAxis, ticks } from "./axis";
import { type Band, drawBands } from "./bands";
import { drawNotes, type Note } from "./notes";
import type { Stroke } from "./palette";

export interface Line {
  name: string;
  stroke: Stroke;
  visible: boolean;
}

/** Moments at which a unit was dosed, ticked along the bottom of the plot. */
export interface Doses {
  x: readonly number[];
  color: string;
}

export interface PlotRequest {
  lines: readonly Line[];
  axis: SharedAxis;
  log: boolean;
  stepped: boolean;
  decimals: number;
  /** Smallest range shown, from the descriptor: noise around a constant stays small. */
  domain: readonly [number, number] | null;
  width: number;
  height: number;
  syncKey: string;
  onCursor: (index: number | null) => void;
  doses: () => readonly Doses[];
  notes: () => readonly Note[];
  bands: () => readonly Band[];
  paths: { linear: uPlot.Series.PathBuilder; stepped: uPlot.Series.PathBuilder };
}

const token = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const AXIS_FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/** Return the y range: the data with some air, at least as wide as the descriptor's domain. */
export function yRange(
  low: number | null,
  high: number | null,
  domain: readonly [number, number] | null,
): [number, number] {
  const minSpan = domain ? domain[1] - domain[0] : 0;
  if (low === null || high === null) return domain ? [domain[0], domain[1]] : [0, 1];
  const air = 0.06 * (high - low || Math.abs(high) || 1);
  const [a, b] = [low - air, high + air];
  const missing = minSpan - (b - a);
  if (missing <= 0) return [a, b];
  const floor = domain && domain[0] >= 0 && a - missing / 2 < 0 ? Math.min(a, 0) : a - missing / 2;
  return [floor, floor + minSpan];
}

/** Decimals that write every multiple of a step without rounding: 0.25 needs two. */
export function decimalsOf(step: number): number {
  for (let decimals = 0; decimals < 6; decimals++) {
    const scaled = step * 10 ** decimals;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return decimals;
  }
  return 6;
}

function axisStyle(): uPlot.Axis {
  return {
    stroke: token("--ink-soft"),
    font: AXIS_FONT,
    grid: { stroke: token("--line"), width: 1 },
    ticks: { show: false },
    gap: 6,
  };
}

function xAxis(axis: SharedAxis): uPlot.Axis {
  const origin = (): number => (axis.style === "elapsed" ? axis.startS : midnight(axis.range()[0]));
  return {
    ...axisStyle(),
    size: 26,
    splits: (u, _axis, min, max) => ticks([min, max], u.bbox.width / devicePixelRatio, origin()),
    values: (_u, moments) => {
      const [from, to] = axis.range();
      if (axis.style === "clock") return clockLabels(moments, to - from);
      return moments.map((moment) => elapsed(moment - axis.startS, to - from));
    },
  };
}

function yAxis(decimals: number, log: boolean): uPlot.Axis {
  return {
    ...axisStyle(),
    // Charts stay aligned unless a label needs more room.
    size: (_u, labels) => Math.max(52, 12 + 7 * Math.max(0, ...(labels ?? []).map((label) => label?.length ?? 0))),
    space: log ? 22 : 34,
    values: (_u, splits) => {
      if (log) return splits.map((value) => (value === null ? "" : reading(value)));
      const step = splits.length > 1 ? Math.abs((splits[1] as number) - (splits[0] as number)) : 1;
      return splits.map((value) => fixed(value, Math.min(decimalsOf(step), decimals + 3)));
    },
  };
}

const TICK_PX = 6;

function drawDoses(u: uPlot, doses: readonly Doses[]): void {
  const { ctx, bbox } = u;
  const bottom = bbox.top + bbox.height;
  const tick = TICK_PX * devicePixelRatio;
  const [from, to] = [u.scales.x?.min ?? 0, u.scales.x?.max ?? 0];
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  doses.forEach(({ x, color }, row) => {
    // Units tick in rows of their own, a few above each other.
    const foot = bottom - (row % 4) * (tick + devicePixelRatio);
    ctx.strokeStyle = color;
    ctx.beginPath();
    for (const moment of x) {
      if (moment < from || moment > to) continue;
      const px = Math.round(u.valToPos(moment, "x", true)) + 0.5;
      ctx.moveTo(px, foot);
      ctx.lineTo(px, foot - tick);
    }
    ctx.stroke();
  });
  ctx.restore();
}

/** Finds the spikes of the lines that are shown, once for each set of data. */
function spikeFinder(): (u: uPlot) => (Robust | undefined)[] {
  let known: { data: uPlot.AlignedData; shown: string; found: (Robust | undefined)[] } | undefined;
  return (u) => {
    const shown = u.series.map((one) => (one.show ? "1" : "0")).join("");
    if (known?.data !== u.data || known.shown !== shown) {
      const found = u.data.map((values, i) =>
        i > 0 && u.series[i]?.show ? withoutSpikes(values as readonly (number | null | undefined)[]) : undefined,
      );
      known = { data: u.data, shown, found };
    }
    return known.found;
  };
}

const MARK_PX = 6;
const LABELED_SPIKES = 3;
const LABEL_PX = 12;

/** Where a label of a mark begins: right of it, left of it where that does not fit, and never outside of the plot. */
export function labelStart(mark: number, gap: number, width: number, left: number, right: number): number {
  const start = mark + gap + width <= right ? mark + gap : mark - gap - width;
  return Math.min(Math.max(start, left), right - width);
}

/** Mark spikes outside of the plot at its edge, with their value: the axis leaves them out. */
function drawSpikes(u: uPlot, found: readonly (Robust | undefined)[], lines: readonly Line[], decimals: number): void {
  const { ctx, bbox } = u;
  const [low, high] = [u.scales.y?.min ?? -Infinity, u.scales.y?.max ?? Infinity];
  const size = MARK_PX * devicePixelRatio;
  ctx.save();
  ctx.font = AXIS_FONT.replace("12px", `${12 * devicePixelRatio}px`);
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  // Marks end at the plot, and labels are read in front of lines and notes.
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = token("--surface");
  ctx.lineWidth = 4 * devicePixelRatio;
  ctx.lineJoin = "round";
  const labels: { label: string; color: typeof ctx.fillStyle; x: number; y: number }[] = [];
  const labeled: [edge: number, from: number, to: number][] = [];
  found.forEach((robust, i) => {
    const outside = (robust?.spikes ?? []).filter((row) => {
      const value = u.data[i]?.[row] as number;
      return value > high || value < low;
    });
    for (const row of outside) {
      const value = u.data[i]?.[row] as number;
      const px = u.valToPos(u.data[0][row] as number, "x", true);
      if (px < bbox.left || px > bbox.left + bbox.width) continue;
      const up = value > high;
      const tip = up ? bbox.top : bbox.top + bbox.height;
      const foot = up ? tip + 1.4 * size : tip - 1.4 * size;
      ctx.fillStyle = lines[i - 1]?.stroke.color ?? token("--ink");
      ctx.beginPath();
      ctx.moveTo(px, tip);
      ctx.lineTo(px - size, foot);
      ctx.lineTo(px + size, foot);
      ctx.fill();
      if (outside.length > LABELED_SPIKES) continue;
      const label = legible(value, decimals);
      const width = ctx.measureText(label).width;
      const from = labelStart(px, 1.5 * size, width, bbox.left, bbox.left + bbox.width);
      const to = from + width;
      // Lines that spike together have marks above each other, and one label.
      if (labeled.some(([edge, a, b]) => edge === tip && from < b + size && a < to + size)) continue;
      labeled.push([tip, from, to]);
      labels.push({ label, color: ctx.fillStyle, x: from, y: tip + (up ? 0.7 : -0.7) * LABEL_PX * devicePixelRatio });
    }
  });
  for (const { label, color, x, y } of labels) {
    ctx.fillStyle = color;
    ctx.strokeText(label, x, y);
    ctx.fillText(label, x, y);
  }
  ctx.restore();
}

/** The range of all lines together, without their spikes. */
function usualRange(found: readonly (Robust | undefined)[]): [number | null, number | null] {
  const known = found.filter((one) => one !== undefined);
  if (known.length === 0) return [null, null];
  return [Math.min(...known.map(({ low }) => low)), Math.max(...known.map(({ high }) => high))];
}

export function plotOptions(request: PlotRequest): uPlot.Options {
  const { axis, log } = request;
  const spikesOf = spikeFinder();
  return {
    width: request.width,
    height: request.height,
    legend: { show: false },
    padding: [10, 10, 0, 0],
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: 6 },
      sync: { key: request.syncKey, setSeries: false },
      points: { size: 7, width: 1.5 },
    },
    scales: {
      x: { time: false, range: () => axis.range() },
      y: log ? { distr: 3, log: 10 } : { range: (u) => yRange(...usualRange(spikesOf(u)), request.domain) },
    },
    axes: [xAxis(axis), yAxis(request.decimals, log)],
    series: [
      {},
      ...request.lines.map(
        ({ name, stroke, visible }): uPlot.Series => ({
          label: name,
          show: visible,
          stroke: stroke.color,
          dash: stroke.dash,
          width: 1.6,
          points: { show: false },
          paths: request.stepped ? request.paths.stepped : request.paths.linear,
        }),
      ),
    ],
    hooks: {
      drawAxes: [(u) => drawBands(u, request.bands())],
      draw: [
        (u) => drawDoses(u, request.doses()),
        (u) => drawNotes(u, request.notes(), token("--ink-soft"), `${12 * devicePixelRatio}px system-ui, sans-serif`),
        (u) => !log && drawSpikes(u, spikesOf(u), request.lines, request.decimals),
      ],
      setCursor: [(u) => request.onCursor(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width < 6) return;
          const from = u.posToVal(u.select.left, "x");
          const to = u.posToVal(u.select.left + u.select.width, "x");
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          if (to - from >= 2) axis.set({ zoom: [from, to] });
        },
      ],
    },
  };
}
