/** One chart as the descriptor declares it: title, legend with last values, lines, export. */

import { useEffect, useMemo, useRef, useState } from "react";
import type uPlot from "uplot";
import type { ChartDescriptor } from "@/api/types";
import { decimalsFor } from "@/live/estimate";
import { fixed, legible } from "@/parts/format";
import { Problem } from "@/parts/Problem";
import { useAxis, writeMoment } from "./axis";
import type { Band } from "./bands";
import { ChartMenu } from "./ChartMenu";
import css from "./charts.module.css";
import { useDetailed } from "./detail";
import { MAX_BANDS, quantityOf, useBands, useDoses } from "./extras";
import { Legend, type LegendEntry } from "./Legend";
import type { Note } from "./notes";
import { strokeOfChannel } from "./palette";
import type { Line } from "./plot";
import type { Points } from "./points";
import { inWords, type Quantity, summarize } from "./stretch";
import { TimeChart } from "./TimeChart";
import { useUncalibratedWords } from "./uncalibrated";
import { splitSeries, useUnitStrokes } from "./useLines";
import { hoursOf, wantedBy } from "./wanted";

/** Bands of more lines than these cover each other and the lines. */

interface Props {
  chart: ChartDescriptor;
  experiment: string;
  /** Only this unit's series, when given. */
  unit?: string;
  labels: Record<string, string>;
  hidden: ReadonlySet<string>;
  onToggle: (unit: string) => void;
  notes: readonly Note[];
  /** Called with the moment [s] of a click, when one is waited for. */
  onPick: ((at: number) => void) | undefined;
  height?: number;
}

/** The value shown at or just before a moment. */
export function valueAt(x: readonly number[], y: readonly number[], at: number): number | undefined {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x[middle] as number) <= at) low = middle + 1;
    else high = middle;
  }
  return y[low - 1];
}

export function ChartCard(props: Props) {
  const { chart, experiment, unit, labels, hidden, onToggle, notes, onPick, height = 220 } = props;
  const { axis } = useAxis();
  const detailed = useDetailed(wantedBy(chart, experiment, hoursOf(axis.window)));
  const { source, version } = detailed;
  const strokes = useUnitStrokes();
  const mayBeLog = chart.log_scale ?? false;
  const doses = useDoses(mayBeLog ? experiment : undefined, hoursOf(axis.window));
  const bandsOf = useBands(chart, experiment, hoursOf(axis.window));
  const quantity = quantityOf(chart);
  const [log, setLog] = useState(false);
  const [cursorAt, setCursorAt] = useState<number>();
  const plot = useRef<uPlot | null>(null);
  const decimals = chart.fixed_decimals ?? 2;

  const series = useMemo(
    () =>
      [...detailed.series.entries()]
        .map(([name, points]) => ({ name, points, ...splitSeries(name, strokes.units) }))
        .filter((one) => unit === undefined || one.unit === unit)
        .sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true })),
    [detailed.series, unit, strokes],
  );
  useEffect(() => {
    axis.covers(chart.chart_key, extentOf(series.filter((one) => !hidden.has(one.unit)).map((one) => one.points.x)));
  }, [axis, chart.chart_key, series, hidden]);
  useEffect(() => () => axis.covers(chart.chart_key, undefined), [axis, chart.chart_key]);

  const uncalibrated = useUncalibratedWords(
    chart.data_source === "od_readings" ? series.filter((one) => !hidden.has(one.unit)) : [],
    experiment,
    labels,
  );
  const manyChannels = new Set(series.map((one) => one.channel)).size > 1;
  const title = (one: (typeof series)[number]): string => {
    const angle = one.channel && manyChannels ? (strokes.angleOf(one.channel) ?? `channel ${one.channel}`) : undefined;
    return [labels[one.unit] ?? one.unit, angle].filter(Boolean).join(" ");
  };
  const shownValue = (one: (typeof series)[number], at = Infinity): string | undefined => {
    const value = valueAt(one.points.x, one.points.y, at);
    return value === undefined ? undefined : written(value, decimals, quantity, bandsOf(one.unit, "")[0], at);
  };
  const summaryOf = (points: Points): string | undefined => {
    const summary = axis.zoom ? summarize(points, ...axis.zoom) : undefined;
    return summary && inWords(summary, quantity, decimals);
  };
  const lines: Line[] = series.map((one) => ({
    name: title(one),
    stroke: strokeOfChannel(strokes.strokeOf(one.unit), series.filter(({ unit }) => unit === one.unit).indexOf(one)),
    visible: !hidden.has(one.unit),
  }));
  const entries: LegendEntry[] = series.map((one, i) => ({
    key: one.name,
    unit: one.unit,
    name: title(one),
    stroke: (lines[i] as Line).stroke,
    visible: (lines[i] as Line).visible,
    value: shownValue(one, cursorAt),
    summary: summaryOf(one.points),
  }));

  const shownSeries = series.filter((one) => !hidden.has(one.unit));

  return (
    <section className={`panel ${css.card}`} aria-label={chart.title} data-testid={`chart-${chart.chart_key}`}>
      <header className={css.head}>
        <h2>{chart.title}</h2>
        {chart.y_axis_label && chart.y_axis_label !== chart.title && (
          <span className="soft small">{chart.y_axis_label}</span>
        )}
        {uncalibrated && <span className="soft small">{uncalibrated}</span>}
        <span className={css.spring} />
        {cursorAt !== undefined && <time className="num soft small">{writeMoment(axis, cursorAt)}</time>}
        {mayBeLog && (
          <button type="button" className={css.toggle} aria-pressed={log} onClick={() => setLog(!log)}>
            Log
          </button>
        )}
        <ChartMenu
          chart={chart}
          experiment={experiment}
          plot={plot}
          entries={entries}
          series={series.map((one, i) => ({
            name: (lines[i] as Line).name,
            visible: (lines[i] as Line).visible,
            ...one.points,
          }))}
        />
      </header>
      <Legend entries={entries} onToggle={onToggle} />
      {source.failed && <Problem error={source.failed} />}
      <div className={css.stage}>
        <TimeChart
          title={chart.title}
          lines={lines}
          points={series.map((one) => one.points)}
          version={version}
          log={log}
          stepped={(chart.interpolation ?? "stepAfter").startsWith("step")}
          decimals={decimals}
          domain={chart.y_axis_domain ?? null}
          dark={strokes.dark}
          height={height}
          notes={notes}
          doses={series
            .filter((one, i) => !hidden.has(one.unit) && series.findIndex((other) => other.unit === one.unit) === i)
            .map((one) => ({ x: doses(one.unit), color: strokes.strokeOf(one.unit).color }))
            .filter(({ x }) => x.length > 0)}
          bands={
            shownSeries.length > MAX_BANDS
              ? []
              : shownSeries.flatMap((one) => bandsOf(one.unit, strokes.strokeOf(one.unit).color))
          }
          onCursor={(_, at) => setCursorAt(at)}
          onPick={onPick}
          plotRef={plot}
        />
        {series.length === 0 && !source.failed && (
          <p className={css.nothing}>{source.loaded ? "Nothing measured in this window yet." : "Fetching history…"}</p>
        )}
      </div>
    </section>
  );
}

/** A value with the digits that it deserves: a growth rate with its band, where there is one. */
function written(value: number, decimals: number, quantity: Quantity, band: Band | undefined, at: number): string {
  if (quantity !== "rate") return legible(value, decimals);
  const [low, high] = band ? [band.low, band.high].map(({ x, y }) => valueAt(x, y, at)) : [];
  if (low === undefined || high === undefined) return fixed(value, 2);
  const half = (high - low) / 2;
  return `${fixed(value, decimalsFor(half))} ± ${fixed(half, decimalsFor(half))}`;
}

export function extentOf(xs: readonly number[][]): [number, number] | undefined {
  const filled = xs.filter((x) => x.length > 0);
  if (filled.length === 0) return undefined;
  return [Math.min(...filled.map((x) => x[0] as number)), Math.max(...filled.map((x) => x[x.length - 1] as number))];
}
