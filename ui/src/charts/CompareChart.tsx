/** One quantity of two experiments, over the time since each began: the second one's lines are dashed. */

import { useEffect, useMemo, useRef, useState } from "react";
import type uPlot from "uplot";
import type { ChartDescriptor } from "@/api/types";
import { legible } from "@/parts/format";
import { Problem } from "@/parts/Problem";
import { useAxis, writeMoment } from "./axis";
import { extentOf, valueAt } from "./ChartCard";
import css from "./charts.module.css";
import { useDetailed } from "./detail";
import { MAX_BANDS, quantityOf, since, useBands, useDoses } from "./extras";
import { Legend, type LegendEntry } from "./Legend";
import type { Stroke } from "./palette";
import type { Points } from "./points";
import { inWords, summarize } from "./stretch";
import { TimeChart } from "./TimeChart";
import { splitSeries, useUnitStrokes } from "./useLines";
import { EVER_H, wantedBy } from "./wanted";

export interface Side {
  experiment: string;
  /** Start of the experiment [s]. */
  startS: number;
  labels: Record<string, string>;
}

interface Props {
  chart: ChartDescriptor;
  sides: readonly [Side, Side];
  hidden: ReadonlySet<string>;
  onToggle: (key: string) => void;
}

const DASHES: number[][] = [[], [7, 5]];

interface Series {
  key: string;
  unit: string;
  name: string;
  points: Points;
  stroke: Stroke;
}

/** The series of one experiment, counted from its start. */
function useSide(chart: ChartDescriptor, { experiment, startS, labels }: Side, nth: number) {
  const { source, series, version } = useDetailed(wantedBy(chart, experiment, EVER_H), true, startS);
  const strokes = useUnitStrokes();
  const found = useMemo(() => {
    const named = [...series].map(([name, points]) => ({ name, points, ...splitSeries(name, strokes.units) }));
    const manyChannels = new Set(named.map((one) => one.channel)).size > 1;
    return named
      .sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))
      .map(({ name, points, unit, channel }): Series => {
        const angle = channel && manyChannels ? (strokes.angleOf(channel) ?? `channel ${channel}`) : undefined;
        return {
          key: `${nth} ${name}`,
          unit,
          name: [labels[unit] ?? unit, angle].filter(Boolean).join(" "),
          points: since(points, startS),
          stroke: { color: strokes.strokeOf(unit).color, dash: DASHES[nth] ?? [] },
        };
      });
  }, [series, strokes, startS, labels, nth]);
  const bandsOf = useBands(chart, experiment, EVER_H, startS);
  const dosesOf = useDoses(chart.log_scale ? experiment : undefined, EVER_H, startS);
  return { source, series: found, version, dark: strokes.dark, bandsOf, dosesOf };
}

export function CompareChart({ chart, sides, hidden, onToggle }: Props) {
  const { axis } = useAxis();
  const first = useSide(chart, sides[0], 0);
  const second = useSide(chart, sides[1], 1);
  const both = [first, second];
  const mayBeLog = chart.log_scale ?? false;
  const [log, setLog] = useState(false);
  const [cursorAt, setCursorAt] = useState<number>();
  const plot = useRef<uPlot | null>(null);
  const decimals = chart.fixed_decimals ?? 2;
  const series = both.flatMap((side) => side.series);
  const shown = both.flatMap(({ series: all, bandsOf, dosesOf }) =>
    all.filter(({ key }) => !hidden.has(key)).map((one) => ({ ...one, bandsOf, dosesOf })),
  );
  const [a, b] = [first.series, second.series];
  useEffect(() => {
    axis.covers(
      chart.chart_key,
      extentOf([...a, ...b].filter(({ key }) => !hidden.has(key)).map((one) => one.points.x)),
    );
  }, [axis, chart.chart_key, a, b, hidden]);
  useEffect(() => () => axis.covers(chart.chart_key, undefined), [axis, chart.chart_key]);

  const entryOf = ({ key, name, points, stroke }: Series): LegendEntry => {
    const value = valueAt(points.x, points.y, cursorAt ?? Infinity);
    const summary = axis.zoom ? summarize(points, ...axis.zoom) : undefined;
    return {
      key,
      unit: key,
      name,
      stroke,
      visible: !hidden.has(key),
      value: value === undefined ? undefined : legible(value, decimals),
      summary: summary && inWords(summary, quantityOf(chart), decimals),
    };
  };
  const failed = first.source.failed ?? second.source.failed;
  return (
    <section className={`panel ${css.card}`} aria-label={chart.title} data-testid={`chart-${chart.chart_key}`}>
      <header className={css.head}>
        <h2>{chart.title}</h2>
        {chart.y_axis_label && chart.y_axis_label !== chart.title && (
          <span className="soft small">{chart.y_axis_label}</span>
        )}
        <span className={css.spring} />
        {cursorAt !== undefined && <time className="num soft small">{writeMoment(axis, cursorAt)}</time>}
        {mayBeLog && (
          <button type="button" className={css.toggle} aria-pressed={log} onClick={() => setLog(!log)}>
            Log
          </button>
        )}
      </header>
      {both.map((side, i) => (
        <div key={sides[i]?.experiment} className={css.side}>
          <span className="small">{sides[i]?.experiment}</span>
          {side.series.length > 0 ? (
            <Legend entries={side.series.map(entryOf)} onToggle={onToggle} />
          ) : (
            <span className="soft small">{side.source.loaded ? "nothing measured" : "fetching history…"}</span>
          )}
        </div>
      ))}
      {failed && <Problem error={failed} />}
      <div className={css.stage}>
        <TimeChart
          title={chart.title}
          lines={series.map(({ name, stroke, key }) => ({ name, stroke, visible: !hidden.has(key) }))}
          points={series.map(({ points }) => points)}
          version={first.version + second.version}
          log={log}
          stepped={(chart.interpolation ?? "stepAfter").startsWith("step")}
          decimals={decimals}
          domain={chart.y_axis_domain ?? null}
          dark={first.dark}
          height={240}
          notes={NOTHING}
          doses={shown
            .filter(
              ({ unit, dosesOf }, i) => shown.findIndex((one) => one.unit === unit && one.dosesOf === dosesOf) === i,
            )
            .map(({ unit, stroke, dosesOf }) => ({ x: dosesOf(unit), color: stroke.color }))
            .filter(({ x }) => x.length > 0)}
          bands={
            shown.length > MAX_BANDS
              ? NOTHING
              : shown.flatMap(({ unit, stroke, bandsOf }) => bandsOf(unit, stroke.color))
          }
          onCursor={(_, at) => setCursorAt(at)}
          plotRef={plot}
        />
      </div>
    </section>
  );
}

const NOTHING: readonly never[] = [];
