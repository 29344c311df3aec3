/** Notifications of this browser about alarms, for a person who has switched them on here. */

import { useEffect, useRef } from "react";
import type { Alarm } from "@/api/types";
import { recall, remember } from "@/parts/remembered";

const KEY = "pioreactor.notifyAlarms";
const GRAVE = new Set(["high", "critical"]);

export const canNotify = (): boolean => "Notification" in globalThis;

export const isNotifying = (): boolean => canNotify() && recall(KEY) === "1" && Notification.permission === "granted";

/** Switch notifications on or off here; return whether they are on, which the browser may refuse. */
export async function notifyHere(on: boolean): Promise<boolean> {
  const allowed = on && canNotify() && (await Notification.requestPermission()) === "granted";
  remember(KEY, allowed ? "1" : undefined);
  return allowed;
}

/** The alarms that are new among those that need a person: what the browser shows. */
export function newAlarms(alarms: readonly Alarm[], known: ReadonlySet<number>): Alarm[] {
  return alarms.filter(
    ({ id, severity, state }) => !known.has(id) && state === "unacknowledged" && GRAVE.has(severity),
  );
}

/** Show a notification for each new severe alarm; none for what was there when the page was opened. */
export function useNotifications(alarms: readonly Alarm[] | undefined): void {
  const known = useRef<Set<number>>(undefined);
  useEffect(() => {
    if (alarms === undefined) return;
    if (known.current !== undefined && isNotifying())
      for (const { id, title, pioreactor_unit, message } of newAlarms(alarms, known.current)) {
        const where = pioreactor_unit === "" ? "" : ` (${pioreactor_unit})`;
        new Notification(`${title}${where}`, { body: message, tag: `alarm-${id}` });
      }
    known.current = new Set(alarms.map(({ id }) => id));
  }, [alarms]);
}
