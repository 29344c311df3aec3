/** What of which series charts show, and the requests for it. Loaded before the page: imports nothing large. */

import { path } from "@/api/client";
import type { ChartDescriptor } from "@/api/types";
import { ESTIMATE } from "@/live/topics";
import { recall } from "@/parts/remembered";
import type { Window } from "./axis";

export const TIME_WINDOW = "pioreactor.timeWindow";
export const EVER_H = 1_000_000;

export const hoursOf = (window: Window): number => (window === "all" ? EVER_H : window);

export const windowOf = (text: string | undefined): Window =>
  text === undefined || text === "all" || !(Number(text) > 0) ? "all" : Number(text);

/** The window that an address names, or undefined. */
export function windowIn(params: URLSearchParams): Window | undefined {
  const hours = params.get("window");
  return hours === null ? undefined : windowOf(hours);
}

/** The window of a page at first: that of its address, else the one that this browser remembers. */
export const firstWindow = (params: URLSearchParams): Window => windowIn(params) ?? windowOf(recall(TIME_WINDOW));

export interface Wanted {
  experiment: string;
  /** Where history is asked for, or null when only news is wanted. */
  table: string | null;
  /** A column of the table, or null for the series that its measurement declares. */
  column: string | null;
  topics: readonly string[];
  payloadKey: string | null;
  /** The field of the payload that holds the channel, or null for one series per unit. */
  channelKey: string | null;
  factor: number;
  /** Hours back from the leader's now. */
  lookbackH: number;
  /** First and last moment [s], in place of the hours. */
  stretch?: readonly [number, number] | undefined;
  targetPoints: number;
}

const FACTORS: Record<string, number> = { per_hour_to_per_day: 24, percent: 100 };

/** Return what a descriptor's transformation multiplies by. */
export const factorOf = (transformation: string | null | undefined): number => FACTORS[transformation ?? "none"] ?? 1;

export function wantedBy(chart: ChartDescriptor, experiment: string, lookbackH: number, targetPoints = 1400): Wanted {
  const topics = chart.mqtt_topic ? [chart.mqtt_topic].flat() : [];
  return {
    experiment,
    table: chart.data_source,
    column: null,
    topics,
    payloadKey: chart.payload_key ?? null,
    channelKey: chart.channel_key ?? null,
    factor: factorOf(chart.y_transformation),
    lookbackH,
    targetPoints,
  };
}

/** One edge of the 95 % band around the growth rate. */
export const bandWanted = (
  edge: "lower_95" | "upper_95",
  experiment: string,
  factor: number,
  lookbackH: number,
): Wanted => ({
  experiment,
  table: "growth_rate_bands",
  column: edge,
  topics: [ESTIMATE],
  payloadKey: edge,
  channelKey: null,
  factor,
  lookbackH,
  targetPoints: 1400,
});

/** When liquid was moved, by whatever pump. */
export const dosesWanted = (experiment: string, lookbackH: number): Wanted => ({
  experiment,
  table: "dosing_events",
  column: "volume_change_ml",
  topics: ["dosing_events"],
  payloadKey: "volume_change",
  channelKey: null,
  factor: 1,
  lookbackH,
  targetPoints: 1400,
});

/** The route of the history of a series; only of what is newer than a moment [s], if one is given. */
export function historyPath(wanted: Wanted, table: string, sinceS?: number): string {
  const ends = wanted.column === null ? [table] : [table, wanted.column];
  const [start, end] = (wanted.stretch ?? []).map((moment) => new Date(moment * 1000).toISOString());
  const since =
    sinceS === undefined ? `lookback=${wanted.lookbackH}` : `start_time=${new Date(sinceS * 1000).toISOString()}`;
  const when = start && end ? `start_time=${start}&end_time=${end}` : since;
  const query = `?${when}&target_points=${wanted.targetPoints}`;
  return path("api", "experiments", wanted.experiment, "time_series", ...ends) + query;
}
