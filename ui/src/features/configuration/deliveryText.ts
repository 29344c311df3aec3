/** What is said about the delivery of a configuration. */

import type { DeliveryStatus } from "@/api/types";
import { count, moment, secondsOf } from "@/parts/format";
import type { IconName } from "@/parts/icons";

export interface Said {
  icon: IconName;
  word: string;
  text: string;
}

const STATES: Record<DeliveryStatus["state"], { icon: IconName; word: string }> = {
  in_step: { icon: "check", word: "In step" },
  waiting: { icon: "clock", word: "Waiting" },
  refused: { icon: "lost", word: "Refused" },
};

/** State, version and reason of one unit. */
export function deliveryOf(one: DeliveryStatus): Said {
  const { icon, word } = STATES[one.state];
  const has = one.version == null ? "has no version yet" : `has version ${one.version} of ${one.newest}`;
  const reason = one.message ? `: ${one.message}` : "";
  const promise = one.state === "waiting" ? " It is sent when the unit answers again." : "";
  return { icon, word, text: `${has}, since ${moment(secondsOf(one.since))}${reason}${ended(reason)}${promise}` };
}

const ended = (reason: string): string => (reason.endsWith(".") ? "" : ".");

/** "All 5 units have it." or "1 unit is waiting, 1 refuses it." */
export function summary(units: readonly DeliveryStatus[]): string {
  const of = (state: DeliveryStatus["state"]): number => units.filter((one) => one.state === state).length;
  const [waiting, refused] = [of("waiting"), of("refused")];
  if (waiting + refused === 0) return units.length === 1 ? "The unit has it." : `All ${units.length} units have it.`;
  const parts = [
    ...(waiting > 0 ? [`${count(waiting, "unit")} ${waiting === 1 ? "waits" : "wait"} for it`] : []),
    ...(refused > 0 ? [`${count(refused, "unit")} ${refused === 1 ? "refuses" : "refuse"} it`] : []),
  ];
  return `${parts.join(", ")}.`;
}
