/** What of a rule a person changes: its numbers, with their units. */

import type { ConditionKind, RuleInForce } from "@/api/types";

export interface NumberField {
  key: string;
  label: string;
  value: number | null;
}

const LABELS: Record<string, string> = {
  above: "Above",
  below: "Below",
  hysteresis: "Hysteresis",
  above_per_h: "Rises faster than, per hour",
  below_per_h: "Falls faster than, per hour",
  hysteresis_per_h: "Hysteresis, per hour",
  window_s: "Over [s]",
  after_s: "After [s]",
  quiet_s: "Ends without an entry for [s]",
};

export const SEVERITIES = ["low", "medium", "high", "critical"];
export const TIMES = [
  { key: "delay_s", label: "Raised after [s]" },
  { key: "off_delay_s", label: "Cleared after [s]" },
  { key: "escalate_after_s", label: "Escalated without an acknowledgment after [s]; 0: never" },
] as const;

/** Kinds of conditions, as a person chooses among them. */
export const KIND_TITLES: Record<string, string> = {
  limit: "A value is above or below a limit",
  rate: "A value changes too fast",
  missing: "No data arrive",
  state: "A job is in a state",
  diagnosis: "A job reports a fault",
  records_waiting: "Records wait for the leader",
  silent: "A unit is silent",
  log: "A job logs an error or a warning",
};

/** The numbers of a rule's condition that can be changed, in their order. */
export function numbersOf({ rule }: RuleInForce): NumberField[] {
  const unit = "unit" in rule.condition ? String(rule.condition.unit ?? "") : "";
  return Object.entries(rule.condition).flatMap(([key, value]) => {
    if (!(key in LABELS) || (typeof value !== "number" && value !== null)) return [];
    return [{ key, label: labelOf(key, unit), value: value as number | null }];
  });
}

/** Where the values of a rule come from, in words. */
export function sourceOf({ declared, is_changed, is_configured, username }: RuleInForce): string {
  if (declared === null) return `made by ${username ?? "a person"}`;
  if (is_changed) return `changed by ${username ?? "a person"}`;
  return is_configured ? "changed in the configuration" : "as declared";
}

/** The label of a field of a condition; `unit` is that of the measured value. */
export function labelOf(field: string, unit = ""): string {
  const label = LABELS[field] ?? field.charAt(0).toUpperCase() + field.slice(1).replaceAll("_", " ");
  return unit !== "" && field in LABELS && !label.endsWith("]") ? `${label} [${unit}]` : label;
}

/** A name for a rule of this title that no other rule has; empty while the title has no letter. */
export function nameFor(title: string, taken: readonly string[]): string {
  const plain = title
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^[^a-z]+|_+$/g, "")
    .slice(0, 58);
  if (plain === "" || !taken.includes(plain)) return plain;
  let number = 2;
  while (taken.includes(`${plain}_${number}`)) number += 1;
  return `${plain}_${number}`;
}

/** The condition of a kind with the given values; what is blank keeps its default. */
export function conditionOf(kind: ConditionKind, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values = kind.fields.flatMap(({ name, kind: type }): [string, unknown][] => {
    const value = given[name];
    if (value === undefined || value === "") return [];
    if (type !== "texts") return [[name, value]];
    const words = String(value)
      .split(",")
      .map((word) => word.trim());
    return [[name, words.filter((word) => word !== "")]];
  });
  return { type: kind.type, ...Object.fromEntries(values) };
}
