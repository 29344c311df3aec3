/** When a page that receives nothing has to say so, and how time advances meanwhile. */

import type { Connection } from "./bus";
import type { LiveStore } from "./store";
import { parse, state } from "./topics";

/** Silence [s] that may be chance: longer than the usual time between two readings. */
export const SILENCE_S = 8;
const USUAL_INTERVAL_S = 5;

/** Nothing arrives although it should. */
export interface Silence {
  /** For so long [s]. */
  seconds: number;
  /** Units that are silent while others are not; empty when nothing arrives at all. */
  units: readonly string[];
}

const OD_STATES = "pioreactor/+/+/od_reading/$state";

/** Return for how many seconds a unit that reads OD has sent nothing, once its reading is overdue; else 0. */
export function silentS(store: LiveStore, unit: string, experiment: string, nowMs: number): number {
  const topic = state(unit, experiment, "od_reading");
  const sentAtMs = store.lastFrom(unit);
  if (store.value(topic) !== "ready" || sentAtMs === undefined) return 0;
  const interval = Number(store.value(topic.replace("$state", "interval")) ?? USUAL_INTERVAL_S);
  const seconds = (nowMs - sentAtMs) / 1000;
  return seconds >= Math.max(SILENCE_S, 1.6 * (interval > 0 ? interval : USUAL_INTERVAL_S)) ? seconds : 0;
}

/** Return what is silent at a moment of the browser's clock [ms]: some units, all of them, or the broker. */
export function silence(store: LiveStore, connection: Connection, nowMs: number): Silence | undefined {
  const linkS = connection.heardAtMs > 0 ? (nowMs - connection.heardAtMs) / 1000 : 0;
  if (linkS >= SILENCE_S) return { seconds: linkS, units: [] };
  const reading = store
    .topicsMatching(OD_STATES)
    .filter((topic) => store.value(topic) === "ready")
    .flatMap((topic) => parse(topic) ?? [])
    .map(({ unit, experiment }) => ({ unit, seconds: silentS(store, unit, experiment, nowMs) }));
  const silent = reading.filter(({ seconds }) => seconds > 0);
  if (silent.length === 0) return undefined;
  if (silent.length === reading.length)
    return { seconds: Math.min(...silent.map(({ seconds }) => seconds)), units: [] };
  return {
    seconds: Math.max(...silent.map(({ seconds }) => seconds)),
    units: silent.map(({ unit }) => unit),
  };
}

/** Return the cluster's own time [s], which advances by the browser's clock while nothing is received. */
export function presentS(clusterTimeS: number, receivedAtMs: number, nowMs: number): number {
  return clusterTimeS === 0 ? 0 : clusterTimeS + Math.max(0, (nowMs - receivedAtMs) / 1000);
}
