/** Writes a chart as SVG: lines and text that stay sharp, and can be edited for a figure. */

import type uPlot from "uplot";
import type { Stroke } from "./palette";

export interface Curve {
  name: string;
  stroke: Stroke;
  /** Points in pixels of the plot, one list for each stretch without a gap. */
  runs: readonly (readonly [x: number, y: number][])[];
}

/** A label and where it stands in pixels of the plot. */
export type Tick = readonly [at: number, label: string];

export interface Picture {
  title: string;
  yLabel: string;
  width: number;
  height: number;
  curves: readonly Curve[];
  xTicks: readonly Tick[];
  yTicks: readonly Tick[];
  stepped: boolean;
  colors: { ink: string; soft: string; line: string; paper: string };
}

const MARGIN = { left: 62, right: 14, bottom: 30 };
const LEGEND_ROW = 18;
const CHAR = 6.6;

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const n = (value: number): string => String(Math.round(value * 100) / 100);

function pathOf(run: readonly (readonly [number, number])[], stepped: boolean): string {
  return run
    .map(([x, y], i) => (i === 0 ? `M${n(x)} ${n(y)}` : stepped ? `H${n(x)}V${n(y)}` : `L${n(x)} ${n(y)}`))
    .join("");
}

/** Where each entry of the legend begins, row by row within a width. */
function legendPlaces(names: readonly string[], width: number): { x: number; row: number }[] {
  let [x, row] = [0, 0];
  return names.map((name) => {
    const wide = 40 + CHAR * name.length;
    if (x > 0 && x + wide > width) [x, row] = [0, row + 1];
    const place = { x, row };
    x += wide;
    return place;
  });
}

export function writeSvg({ title, yLabel, width, height, curves, xTicks, yTicks, stepped, colors }: Picture): string {
  const places = legendPlaces(
    curves.map(({ name }) => name),
    width,
  );
  const rows = (places.at(-1)?.row ?? -1) + 1;
  const top = 52 + rows * LEGEND_ROW;
  const [fullWidth, fullHeight] = [width + MARGIN.left + MARGIN.right, height + top + MARGIN.bottom];
  const text = (x: number, y: number, content: string, more = ""): string =>
    `<text x="${n(x)}" y="${n(y)}" fill="${colors.soft}" ${more}>${escaped(content)}</text>`;
  const legend = curves.map(({ name, stroke }, i) => {
    const { x, row } = places[i] as { x: number; row: number };
    const [left, y] = [MARGIN.left + x, 46 + row * LEGEND_ROW];
    return `<line x1="${left}" x2="${left + 16}" y1="${y - 4}" y2="${y - 4}" stroke="${stroke.color}" stroke-width="2.5"/>${text(left + 22, y, name)}`;
  });
  const lines = curves.map(
    ({ name, stroke, runs }) =>
      `<path d="${runs.map((run) => pathOf(run, stepped)).join("")}" fill="none" stroke="${stroke.color}" stroke-width="1.6" stroke-dasharray="${stroke.dash.join(" ")}"><title>${escaped(name)}</title></path>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${n(fullWidth)}" height="${n(fullHeight)}" viewBox="0 0 ${n(fullWidth)} ${n(fullHeight)}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="${colors.paper}"/>`,
    `<text x="${MARGIN.left}" y="22" font-size="15" font-weight="600" fill="${colors.ink}">${escaped(title)}</text>`,
    text(MARGIN.left + width, 22, yLabel, 'text-anchor="end"'),
    ...legend,
    `<g transform="translate(${MARGIN.left} ${top})">`,
    ...yTicks.map(
      ([y, label]) =>
        `<line x1="0" x2="${n(width)}" y1="${n(y)}" y2="${n(y)}" stroke="${colors.line}"/>${text(-8, y + 4, label, 'text-anchor="end"')}`,
    ),
    ...xTicks.map(
      ([x, label]) =>
        `<line x1="${n(x)}" x2="${n(x)}" y1="0" y2="${n(height)}" stroke="${colors.line}"/>${text(x, height + 20, label, 'text-anchor="middle"')}`,
    ),
    `<svg x="0" y="0" width="${n(width)}" height="${n(height)}">`,
    ...lines,
    "</svg></g></svg>",
  ].join("\n");
}

/** Labels of an axis as uPlot laid them out last. */
function ticksOf(plot: uPlot, axis: number, scale: "x" | "y"): Tick[] {
  const laidOut = plot.axes[axis] as { _splits?: (number | null)[]; _values?: (string | number | null)[] };
  return (laidOut._splits ?? []).flatMap((split, i): Tick[] => {
    const label = laidOut._values?.[i];
    return split === null || label === null || label === undefined || label === ""
      ? []
      : [[plot.valToPos(split, scale), String(label)]];
  });
}

function runsOf(plot: uPlot, series: number): [number, number][][] {
  const [xs, ys] = [plot.data[0] ?? [], plot.data[series] ?? []];
  const runs: [number, number][][] = [[]];
  xs.forEach((x, i) => {
    const y = ys[i];
    if (y === undefined) return;
    if (y === null) runs.push([]);
    else runs.at(-1)?.push([plot.valToPos(x, "x"), plot.valToPos(y, "y")]);
  });
  return runs.filter((run) => run.length > 0);
}

/** Return the picture of a plot as it is drawn now. */
export function pictureOf(
  plot: uPlot,
  lines: readonly { name: string; stroke: Stroke; visible: boolean }[],
  about: Pick<Picture, "title" | "yLabel" | "stepped">,
): Picture {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string): string => style.getPropertyValue(name).trim();
  return {
    ...about,
    width: plot.bbox.width / devicePixelRatio,
    height: plot.bbox.height / devicePixelRatio,
    curves: lines.flatMap(({ name, stroke, visible }, i) =>
      visible ? [{ name, stroke, runs: runsOf(plot, i + 1) }] : [],
    ),
    xTicks: ticksOf(plot, 0, "x"),
    yTicks: ticksOf(plot, 1, "y"),
    colors: { ink: token("--ink"), soft: token("--ink-soft"), line: token("--line"), paper: token("--surface") },
  };
}
