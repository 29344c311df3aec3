/** What of a rule a person changes: its numbers, with their units. */

import type { RuleInForce } from "@/api/types";

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

/** The numbers of a rule's condition that can be changed, in their order. */
export function numbersOf({ rule }: RuleInForce): NumberField[] {
  const unit = "unit" in rule.condition && rule.condition.unit ? ` [${rule.condition.unit}]` : "";
  return Object.entries(rule.condition).flatMap(([key, value]) => {
    const label = LABELS[key];
    if (label === undefined || (typeof value !== "number" && value !== null)) return [];
    return [{ key, label: label.endsWith("]") ? label : `${label}${unit}`, value: value as number | null }];
  });
}

/** Where the values of a rule come from, in words. */
export function sourceOf({ declared, is_changed, is_configured, username }: RuleInForce): string {
  if (declared === null) return `made by ${username ?? "a person"}`;
  if (is_changed) return `changed by ${username ?? "a person"}`;
  return is_configured ? "changed in the configuration" : "as declared";
}
