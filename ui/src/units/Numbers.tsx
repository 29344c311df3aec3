/** OD, growth rate and temperature of one unit, each with its last hours and its age when it is old. */

import { useMemo } from "react";
import { useSource } from "@/charts/sources";
import { readingOf, useClusterTime, useTopics, type Reading } from "@/live/hooks";
import { setting } from "@/live/topics";
import { duration, fixed, legible } from "@/parts/format";
import { Sparkline } from "@/parts/Sparkline";
import { NUMBERS, SPARK_HOURS, sparkWanted, STALE_S, type NumberSource } from "./numbers";
import css from "./units.module.css";

/** The first of the number's topics that has spoken. */
export function useNumber(number: NumberSource, unit: string, experiment: string): Reading | undefined {
  const payloads = useTopics(number.topics.map(([topic]) => setting(unit, experiment, ...splitTopic(topic))));
  return useMemo(() => {
    for (let i = 0; i < payloads.length; i++) {
      const reading = readingOf(payloads[i], number.topics[i]?.[1]);
      if (reading) return reading;
    }
    return undefined;
  }, [payloads, number]);
}

const splitTopic = (topic: string): [string, string] => topic.split("/") as [string, string];

/** Points of the last hours: the unit's own series, or that of its first channel. */
export function useSpark(number: NumberSource, unit: string, experiment: string): { x: number[]; y: number[] } {
  const { source, version } = useSource(sparkWanted(number, experiment));
  return useMemo(() => {
    const names = [...source.table.series.keys()].filter((name) => name === unit || (name.startsWith(`${unit}-`) && /^-\d$/.test(name.slice(unit.length))));
    const points = source.table.series.get(names.sort().at(-1) ?? "") ?? { x: [], y: [] };
    const since = (points.x.at(-1) ?? 0) - SPARK_HOURS * 3600;
    const first = points.x.findIndex((x) => x >= since);
    return first <= 0 ? { x: points.x.slice(), y: points.y.slice() } : { x: points.x.slice(first), y: points.y.slice(first) };
  }, [source, version, unit]);
}

export function lastOf({ x, y }: { x: readonly number[]; y: readonly number[] }): Reading | undefined {
  const value = y.at(-1);
  return value === undefined ? undefined : { value, at: x.at(-1) };
}

function One({ number, unit, experiment, color }: { number: NumberSource; unit: string; experiment: string; color: string }) {
  const published = useNumber(number, unit, experiment);
  const spark = useSpark(number, unit, experiment);
  // A job that stopped takes its value back; what it measured last is on record, with its age.
  const reading = published ?? lastOf(spark);
  const now = useClusterTime(10);
  const age = reading?.at === undefined ? 0 : now - reading.at;
  const old = age > STALE_S;
  return (
    <div className={css.number}>
      <dt>{number.name}</dt>
      <dd>
        <span className={`num ${css.value} ${old ? css.old : ""}`} data-testid={`${number.key}-${unit}`}>
          {reading ? (number.key === "od" ? legible(reading.value, number.decimals) : fixed(reading.value, number.decimals)) : "–"}
          {reading && number.unit && <span className={css.unit}> {number.unit}</span>}
        </span>
        <Sparkline x={spark.x} y={spark.y} color={old ? "var(--line-strong)" : color} least={number.least} />
        <span className={`small ${css.age}`}>{old ? `${duration(age)} old` : ""}</span>
      </dd>
    </div>
  );
}

export function Numbers({ unit, experiment, color }: { unit: string; experiment: string; color: string }) {
  return (
    <dl className={css.numbers}>
      {NUMBERS.map((number) => (
        <One key={number.key} number={number} unit={unit} experiment={experiment} color={color} />
      ))}
    </dl>
  );
}
