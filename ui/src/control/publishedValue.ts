/** What a unit publishes of a setting or a measurement, as a person reads it: never as JSON. */

import type { PublishedSetting } from "@/api/types";
import { momentOf } from "@/live/store";
import { plain, reading } from "@/parts/format";

export interface PublishedValue {
  text: string;
  /** Whether `text` is a number in the unit of the setting. */
  isNumber: boolean;
  /** When it was measured [s]; undefined for what carries no time. */
  atS: number | undefined;
}

/** A key as words: "target_rpm" is "Target rpm". */
export function keyInWords(key: string): string {
  const words = key.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

type Scalar = string | number | boolean;

const isScalar = (value: unknown): value is Scalar => ["string", "number", "boolean"].includes(typeof value);

const numberText = (value: number): string => (value === 0 ? "0" : reading(value));

function scalarText(value: Scalar): string {
  if (typeof value === "number") return numberText(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return value;
}

/** The one field of a measurement that holds its value: that of its name, `value`, or the only number. */
function fieldOf(fields: [string, unknown][], key: string): Scalar | undefined {
  const scalars = fields.filter((field): field is [string, Scalar] => isScalar(field[1]));
  const named = scalars.find(([name]) => name === key) ?? scalars.find(([name]) => name === "value");
  if (named) return named[1];
  const numbers = scalars.filter(([, value]) => typeof value === "number");
  return numbers.length === 1 ? numbers[0]?.[1] : undefined;
}

function objectText(fields: [string, unknown][]): string {
  const parts = fields.flatMap(([name, value]) =>
    isScalar(value)
      ? [`${name.replaceAll("_", " ")} ${scalarText(value)}`]
      : typeof value === "object" && value !== null
        ? [`${name.replaceAll("_", " ")}: ${textOf(value)}`]
        : [],
  );
  return parts.length > 0 ? parts.join(", ") : "–";
}

function textOf(value: unknown): string {
  if (isScalar(value)) return scalarText(value);
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  if (typeof value === "object" && value !== null)
    return objectText(Object.entries(value).filter(([name]) => name !== "timestamp"));
  return "–";
}

function parsed(payload: string): unknown {
  if (!/^[{[]/.test(payload)) return payload;
  try {
    return JSON.parse(payload);
  } catch {
    return payload;
  }
}

/** Return the value of a payload in words and numbers; undefined while nothing is published. */
export function publishedValue(
  setting: Pick<PublishedSetting, "key" | "type" | "editable">,
  payload: string | undefined,
): PublishedValue | undefined {
  if (payload === undefined || payload === "") return undefined;
  const atS = momentOf(payload);
  let value = parsed(payload);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const fields = Object.entries(value).filter(([name]) => name !== "timestamp");
    value = fieldOf(fields, setting.key) ?? value;
  }
  if (typeof value === "string" && setting.type === "boolean")
    return { text: value.toLowerCase() === "true" ? "on" : "off", isNumber: false, atS };
  const number = typeof value === "number" ? value : typeof value === "string" && value.trim() ? Number(value) : NaN;
  if (setting.type !== "string" && Number.isFinite(number)) {
    // What a person has set is exact, what was measured is not.
    const isMeasured = setting.editable === false || setting.type === "json" || atS !== undefined;
    return { text: isMeasured ? numberText(number) : plain(number), isNumber: true, atS };
  }
  return { text: textOf(value), isNumber: false, atS };
}

/** What several units have in force: one value, or that they differ. */
export interface InForce {
  /** The common payload as text for a field; undefined when units differ or none publishes. */
  common: string | undefined;
  /** In words: "37 ℃", "30 to 37 ℃", "turbidostat, chemostat". */
  words: string | undefined;
}

export function inForce(
  setting: Pick<PublishedSetting, "key" | "type" | "unit" | "editable">,
  payloads: readonly (string | undefined)[],
): InForce {
  const values = payloads.flatMap((payload) => publishedValue(setting, payload) ?? []);
  const first = values[0];
  if (first === undefined) return { common: undefined, words: undefined };
  const texts = [...new Set(values.map(({ text }) => text))];
  const suffix = first.isNumber && setting.unit ? ` ${setting.unit}` : "";
  if (texts.length === 1)
    return { common: payloads.find((payload) => payload !== undefined && payload !== ""), words: first.text + suffix };
  if (!values.every(({ isNumber }) => isNumber)) return { common: undefined, words: texts.join(", ") };
  const sorted = texts.sort((a, b) => Number(a) - Number(b));
  return { common: undefined, words: `${sorted[0]} to ${sorted.at(-1)}${suffix}` };
}
