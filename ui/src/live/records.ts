/** Whether the leader has a unit's records, as the unit's monitor says it. */

import { useMemo } from "react";
import { useTopic, useTopics } from "./hooks";
import { momentOf } from "./store";
import { monitor } from "./topics";

/** Records always wait a moment, and a monitor renews what it says once a minute; from this on [s] they wait. */
export const WAIT_LONG_S = 90;

export interface Records {
  /** Records that only the unit has. */
  waiting: number;
  /** When the oldest of them was made; with none waiting, when the unit said so [s]. */
  atS: number;
}

export function recordsOf(payload: string | undefined): Records | undefined {
  const atS = payload === undefined ? undefined : momentOf(payload);
  if (payload === undefined || atS === undefined) return undefined;
  try {
    const { waiting } = JSON.parse(payload) as { waiting?: unknown };
    return typeof waiting === "number" ? { waiting, atS } : undefined;
  } catch {
    return undefined;
  }
}

/** Say whether records wait longer than they should, at a moment of the cluster's time [s]. */
export const waitLong = (records: Records | undefined, nowS: number): boolean =>
  records !== undefined && records.waiting > 0 && nowS - records.atS > WAIT_LONG_S;

export function useRecords(unit: string): Records | undefined {
  const payload = useTopic(monitor(unit, "safe_up_to"));
  return useMemo(() => recordsOf(payload), [payload]);
}

export function useAllRecords(units: readonly string[]): (Records | undefined)[] {
  const payloads = useTopics(units.map((unit) => monitor(unit, "safe_up_to")));
  return useMemo(() => payloads.map(recordsOf), [payloads]);
}
