/** Calibrations as units publish them, and the curves they stand for. */

import type { UnitAnswer } from "@/api/types";
import { type Judgment, judgmentIn } from "./judgment";

export interface Curve {
  type: "poly" | "spline" | "akima";
  coefficients: number[] | number[][];
  knots?: number[];
}

export interface Calibration {
  calibration_name: string;
  calibration_type: string;
  calibrated_on_pioreactor_unit: string;
  created_at: string;
  curve_data_: Curve;
  x: string;
  y: string;
  recorded_data: { x: number[]; y: number[] };
  is_active: boolean;
  pioreactor_unit: string;
  device: string;
  judgment?: Judgment | undefined;
}

/** Value of a curve at x: polynomials by Horner, pieces as cubics from their knot, the end pieces reaching on. */
export function evaluate(curve: Curve, x: number): number {
  if (curve.type === "poly")
    return (curve.coefficients as number[]).reduce((sum, coefficient) => sum * x + coefficient, 0);
  const knots = curve.knots ?? [];
  const pieces = curve.coefficients as number[][];
  let i = 0;
  while (i < pieces.length - 1 && x >= (knots[i + 1] as number)) i++;
  const [a = 0, b = 0, c = 0, d = 0] = pieces[i] ?? [];
  const u = x - (knots[i] ?? 0);
  return a + u * (b + u * (c + u * d));
}

const signed = (value: number, first: boolean): string => {
  const text = String(Number(Math.abs(value).toPrecision(4)));
  if (first) return value < 0 ? `−${text}` : text;
  return value < 0 ? ` − ${text}` : ` + ${text}`;
};

/** The curve in words: the polynomial written out, or the kind and number of its pieces. */
export function formula(curve: Curve): string {
  if (curve.type !== "poly")
    return `${curve.type === "spline" ? "Cubic spline" : "Akima interpolation"} through ${curve.knots?.length ?? 0} knots`;
  const coefficients = curve.coefficients as number[];
  const degree = coefficients.length - 1;
  const powers = ["", "x", "x²", "x³", "x⁴", "x⁵"];
  const terms = coefficients
    .map((value, i) => ({ value, power: powers[degree - i] ?? `x^${degree - i}` }))
    .filter(({ value }, i) => value !== 0 || (i === degree && degree === 0));
  return `y = ${terms.map(({ value, power }, i) => signed(value, i === 0) + (power && ` ${power}`)).join("") || "0"}`;
}

export interface Gathered {
  calibrations: Calibration[];
  /** Units that did not say, and why. */
  silent: { unit: string; why: string }[];
}

/** What any kind of artifact tells: whose it is, and when it was made. */
interface Artifact {
  created_at: string;
  pioreactor_unit: string;
  device: string;
}

/** Put the answers of all units into one list, sorted by device, unit, and newest first. */
export function keptBy<T extends Artifact>(result: unknown): { kept: T[]; silent: Gathered["silent"] } {
  const kept: T[] = [];
  const silent: Gathered["silent"] = [];
  for (const [unit, answer] of Object.entries((result ?? {}) as Record<string, UnitAnswer>)) {
    if (!answer.ok) {
      silent.push({ unit, why: answer.error?.message ?? "no reason given" });
      continue;
    }
    for (const [device, ones] of Object.entries((answer.value ?? {}) as Record<string, Omit<T, "device">[]>)) {
      kept.push(...ones.map((one) => ({ ...one, pioreactor_unit: unit, device }) as T));
    }
  }
  kept.sort(
    (a, b) =>
      a.device.localeCompare(b.device) ||
      a.pioreactor_unit.localeCompare(b.pioreactor_unit) ||
      b.created_at.localeCompare(a.created_at),
  );
  return { kept, silent };
}

/** The calibrations of all units. */
export function gather(result: unknown): Gathered {
  const { kept, silent } = keptBy<Calibration>(result);
  return { calibrations: kept.map((one) => ({ ...one, judgment: judgmentIn(one.judgment) })), silent };
}
