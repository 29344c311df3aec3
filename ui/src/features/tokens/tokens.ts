/** What is said about a token. */

import type { AccessToken, Budget } from "@/api/types";
import { described } from "@/features/people/rights";
import { moment, secondsOf } from "@/parts/format";

/** "created 1 Nov 2026, 10:00, last used 2 Nov 2026, 11:30, expires 1 Dec 2026, 10:00" */
export function usage(token: AccessToken): string {
  const when = (iso: string): string => moment(secondsOf(iso));
  return [
    `created ${when(token.created_at)}`,
    token.last_used_at == null ? "never used" : `last used ${when(token.last_used_at)}`,
    ...(token.rights ? [limits(token.rights)] : []),
    token.expires_at == null ? "does not expire" : `expires ${when(token.expires_at)}`,
  ].join(" · ");
}

function limits(rights: NonNullable<AccessToken["rights"]>): string {
  const of = described({ role: rights.role ?? "viewer", units: rights.units, experiments: rights.experiments });
  return [
    of,
    ...(rights.areas == null ? [] : [`only ${rights.areas.join(", ")}`]),
    ...(rights.is_agent === true ? ["agent"] : []),
    ...(rights.budget == null ? [] : [`at most ${limitsOf(rights.budget)}`]),
  ].join(", ");
}

/** The limits of an agent, with the words of the form and of the list. */
export const BUDGET_FIELDS = [
  { name: "media_ml", label: "Media in all [mL]", unit: "mL", most: 1e6, step: "any" },
  { name: "celsius_hours", label: "Heat above 22 °C in all [°C·h]", unit: "°C·h", most: 1e6, step: "any" },
  { name: "acts_per_hour", label: "Changes in an hour", unit: "changes in an hour", most: 10_000, step: 1 },
] as const;

export type BudgetTexts = Record<(typeof BUDGET_FIELDS)[number]["name"], string>;

export const NO_BUDGET: BudgetTexts = { media_ml: "", celsius_hours: "", acts_per_hour: "" };

/** What is sent for the fields of the form; null where none is filled in. */
export function budgetOf(texts: BudgetTexts): Budget | null {
  const given = BUDGET_FIELDS.filter(({ name }) => texts[name] !== "").map(({ name }) => [name, Number(texts[name])]);
  return given.length === 0 ? null : Object.fromEntries(given);
}

function limitsOf(budget: Budget): string {
  const given = BUDGET_FIELDS.filter(({ name }) => budget[name] != null);
  return given.map(({ name, unit }) => `${budget[name]} ${unit}`).join(", ");
}
