/** OD, growth rate and temperature of one unit, each with its last hours and its age when it is old. */

import { useMemo, useSyncExternalStore } from "react";
import type { Points, SeriesTable } from "@/charts/points";
import { useSourceOf } from "@/charts/sources";
import { isUncalibrated } from "@/live/calibrated";
import { decimalsFor, useEstimate } from "@/live/estimate";
import { type Reading, readingOf, useNow, useReading, useTopics } from "@/live/hooks";
import { setting } from "@/live/topics";
import { duration, fixed, legible } from "@/parts/format";
import { Sparkline } from "@/parts/Sparkline";
import { NUMBERS, type NumberSource, SPARK_HOURS, sparkWanted, staleAfterS } from "./numbers";
import css from "./units.module.css";

const usePayloads = (number: NumberSource, unit: string, experiment: string): (string | undefined)[] =>
  useTopics(number.topics.map(([topic]) => setting(unit, experiment, ...splitTopic(topic))));

/** The first of the number's topics that has spoken. */
export function useNumber(number: NumberSource, unit: string, experiment: string): Reading | undefined {
  const payloads = usePayloads(number, unit, experiment);
  return useMemo(() => {
    for (let i = 0; i < payloads.length; i++) {
      const reading = readingOf(payloads[i], number.topics[i]?.[1]);
      if (reading) return reading;
    }
    return undefined;
  }, [payloads, number]);
}

const splitTopic = (topic: string): [string, string] => topic.split("/") as [string, string];

const SPARK_POINTS = 160;
/** Of photodiodes, the last first. */
const CHANNELS = [4, 3, 2, 1];

/** The unit's own series, or that of its last channel. */
function seriesOf(table: SeriesTable, unit: string): Points | undefined {
  // Each unit asks with each message: among the series of hundreds of units nothing is searched for.
  const name = [...CHANNELS.map((channel) => `${unit}-${channel}`), unit].find((one) => table.series.has(one));
  return name === undefined ? undefined : table.series.get(name);
}

/** Points of the last hours, no more than a sparkline can show. */
export function useSpark(number: NumberSource, unit: string, experiment: string): Points {
  const wanted = sparkWanted(number, experiment);
  const source = useSourceOf(wanted);
  // Only news of this unit draw this line anew.
  const newest = useSyncExternalStore(source.use, () => seriesOf(source.table, unit)?.x.at(-1) ?? 0);
  return useMemo(() => {
    const { x, y } = seriesOf(source.table, unit) ?? { x: [], y: [] };
    const first = Math.max(
      0,
      x.findIndex((moment) => moment >= newest - SPARK_HOURS * 3600),
    );
    const stride = Math.max(1, Math.ceil((x.length - first) / SPARK_POINTS));
    const shown = (_: number, i: number): boolean => i >= first && (i === x.length - 1 || (i - first) % stride === 0);
    return { x: x.filter(shown), y: y.filter(shown) };
  }, [source, newest, unit]);
}

/** How old a number is [s], and whether it has to look old: of a unit that is away, every number does. */
export function useAge(
  reading: Reading | undefined,
  number: NumberSource,
  unit: string,
  experiment: string,
  away: boolean,
): { age: number; old: boolean } {
  const now = useNow();
  const intervalS = useReading(setting(unit, experiment, "od_reading", "interval"))?.value;
  const age = reading?.at === undefined ? 0 : Math.max(0, now - reading.at);
  return { age, old: age > staleAfterS(number, intervalS) || (away && reading !== undefined) };
}

export function lastOf({ x, y }: { x: readonly number[]; y: readonly number[] }): Reading | undefined {
  const value = y.at(-1);
  return value === undefined ? undefined : { value, at: x.at(-1) };
}

function One({
  number,
  unit,
  experiment,
  color,
  away,
}: {
  number: NumberSource;
  unit: string;
  experiment: string;
  color: string;
  away: boolean;
}) {
  const published = useNumber(number, unit, experiment);
  const uncalibrated = isUncalibrated(usePayloads(number, unit, experiment).find(Boolean));
  const spark = useSpark(number, unit, experiment);
  // A job that stopped takes its value back; what it measured last is on record, with its age.
  const reading = published ?? lastOf(spark);
  const { old, age } = useAge(reading, number, unit, experiment, away);
  const estimate = useEstimate(unit, experiment);
  const half = number.key === "growth" && published ? estimate?.half : undefined;
  const decimals = half === undefined ? number.decimals : decimalsFor(half);
  return (
    <div className={css.number}>
      <dt title={uncalibrated ? "The sensor's own signal: no calibration is active" : undefined}>
        {number.name}
        {uncalibrated && ", uncalibrated"}
      </dt>
      <dd>
        <span
          className={`num ${css.value} ${old ? css.old : ""}`}
          data-testid={`${number.key}-${unit}`}
          data-old={old || undefined}
        >
          {reading ? (number.key === "od" ? legible(reading.value, decimals) : fixed(reading.value, decimals)) : "–"}
          {half !== undefined && (
            <span className={css.unit} title="95 % band">
              {" "}
              ± {fixed(half, decimals)}
            </span>
          )}
          {reading && number.unit && <span className={css.unit}> {number.unit}</span>}
        </span>
        <Sparkline x={spark.x} y={spark.y} color={old ? "var(--line-strong)" : color} least={number.least} />
        <span className={`small ${css.age}`}>{old && age > 0 ? `${duration(age)} old` : ""}</span>
      </dd>
    </div>
  );
}

interface Props {
  unit: string;
  experiment: string;
  color: string;
  /** Whether the unit is lost: what it said last is shown as old. */
  away: boolean;
}

export function Numbers({ unit, experiment, color, away }: Props) {
  return (
    <dl className={css.numbers}>
      {NUMBERS.map((number) => (
        <One key={number.key} number={number} unit={unit} experiment={experiment} color={color} away={away} />
      ))}
    </dl>
  );
}
