/** When a page that receives nothing has to say so, and how time advances meanwhile. */

import type { Connection } from "./bus";
import type { LiveStore } from "./store";

/** Silence [s] that may be chance: longer than the usual time between two readings. */
export const SILENCE_S = 8;
const USUAL_INTERVAL_S = 5;

/** Return after how many seconds without a message readings are overdue; undefined while no unit reads OD. */
export function overdueAfterS(store: LiveStore): number | undefined {
  const intervals = store
    .topicsMatching("pioreactor/+/+/od_reading/$state")
    .filter((topic) => store.value(topic) === "ready")
    .map((topic) => Number(store.value(topic.replace("$state", "interval")) ?? USUAL_INTERVAL_S));
  const known = intervals.filter((interval) => interval > 0);
  return known.length === 0 ? undefined : Math.max(SILENCE_S, 1.6 * Math.min(...known));
}

/** Return for how many seconds nothing has arrived that should have, at a moment of the browser's clock [ms]; else 0. */
export function quietS(connection: Connection, overdueS: number | undefined, nowMs: number): number {
  const since = (ms: number): number => (ms > 0 ? (nowMs - ms) / 1000 : 0);
  const [data, link] = [since(connection.receivedAtMs), since(connection.heardAtMs)];
  if (overdueS !== undefined && data >= overdueS) return data;
  return link >= SILENCE_S ? link : 0;
}

/** Return the cluster's own time [s], which advances by the browser's clock while nothing is received. */
export function presentS(clusterTimeS: number, receivedAtMs: number, nowMs: number): number {
  return clusterTimeS === 0 ? 0 : clusterTimeS + Math.max(0, (nowMs - receivedAtMs) / 1000);
}
