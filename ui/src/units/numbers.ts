/** The three numbers people look for, and where they come from. */

import type { Wanted } from "@/charts/wanted";

export interface NumberSource {
  key: "od" | "growth" | "temperature";
  name: string;
  unit: string;
  /** Topics below unit and experiment; the first that speaks is shown. */
  topics: readonly (readonly [topic: string, payloadKey: string])[];
  table: string;
  payloadKey: string;
  channelKey?: string;
  decimals: number;
  /** Range over the full height of a sparkline when the values hardly vary. */
  least: number;
}

export const NUMBERS: readonly NumberSource[] = [
  {
    key: "od",
    name: "OD",
    unit: "",
    topics: [
      ["od_reading/od_fused", "od_fused"],
      ["od_reading/od2", "od"],
      ["od_reading/od1", "od"],
      ["od_reading/od3", "od"],
      ["od_reading/od4", "od"],
    ],
    table: "od_readings",
    payloadKey: "od",
    channelKey: "channel",
    decimals: 3,
    least: 0.02,
  },
  {
    key: "growth",
    name: "Growth rate",
    unit: "/h",
    topics: [["growth_rate_calculating/growth_rate", "growth_rate"]],
    table: "growth_rates",
    payloadKey: "growth_rate",
    decimals: 3,
    least: 0.1,
  },
  {
    key: "temperature",
    name: "Temperature",
    unit: "°C",
    topics: [["temperature_automation/temperature", "temperature"]],
    table: "temperature_readings",
    payloadKey: "temperature",
    decimals: 1,
    least: 2,
  },
];

export const SPARK_HOURS = 4;

export const sparkWanted = (number: NumberSource, experiment: string): Wanted => ({
  experiment,
  table: number.table,
  column: null,
  topics: number.topics.filter(([topic]) => !topic.endsWith("fused")).map(([topic]) => topic),
  payloadKey: number.payloadKey,
  channelKey: number.channelKey ?? null,
  factor: 1,
  lookbackH: SPARK_HOURS,
  targetPoints: 120,
});

/** Readings missed in a row from which on a number looks old, and the shortest age [s] at which it does. */
const MISSED = 4;
const AT_LEAST_S = 20;

/** Age [s] from which on a number looks old; `odIntervalS`: time between OD readings, undefined while unknown. */
export function staleAfterS(number: NumberSource, odIntervalS: number | undefined): number {
  const everyS = number.key === "temperature" ? 30 : (odIntervalS ?? 5);
  return Math.max(AT_LEAST_S, MISSED * everyS);
}
