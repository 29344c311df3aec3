/** Validates as typed, with the rules the descriptor declares. */

import { reading } from "@/parts/format";

export interface Rules {
  type?: string | undefined;
  min?: number | null | undefined;
  max?: number | null | undefined;
  unit?: string | null | undefined;
  required?: boolean | undefined;
}

export type Checked = { ok: true; value: string | number } | { ok: false; reason: string };

export function checked(rules: Rules, text: string): Checked {
  const trimmed = text.trim();
  if (trimmed === "")
    return rules.required === false ? { ok: true, value: "" } : { ok: false, reason: "Needs a value" };
  if (rules.type !== "numeric") return { ok: true, value: trimmed };
  const value = Number(trimmed.replace(",", "."));
  const unit = rules.unit ? ` ${rules.unit}` : "";
  if (!Number.isFinite(value)) return { ok: false, reason: "Not a number" };
  if (typeof rules.min === "number" && value < rules.min) return { ok: false, reason: `At least ${rules.min}${unit}` };
  if (typeof rules.max === "number" && value > rules.max) return { ok: false, reason: `At most ${rules.max}${unit}` };
  return { ok: true, value };
}

/** "0 to 1500 RPM", "at least 0.1 mL", or undefined when nothing is declared. */
export function rangeOf({ min, max, unit }: Rules): string | undefined {
  // A bound that only guards against overflow is not worth reading.
  const told = typeof max === "number" && max < 100_000 ? max : undefined;
  const suffix = unit ? ` ${unit}` : "";
  const low = typeof min === "number" ? (min === 0 ? "0" : reading(min).replace(/\.?0+$/, "")) : undefined;
  const high = told !== undefined ? reading(told).replace(/\.0+$/, "") : undefined;
  if (low !== undefined && high !== undefined) return `${low} to ${high}${suffix}`;
  if (low !== undefined) return `at least ${low}${suffix}`;
  return high === undefined ? undefined : `at most ${high}${suffix}`;
}
