/** The dilution rate of a chemostat in words. */

import { fixed } from "@/parts/format";

/** Nothing for an automation that has no rate of its own; the measured rate leads where there is one [1/h]. */
export function dilutionInWords(nominal: number | undefined, measured: number | undefined): string | undefined {
  if (nominal === undefined) return undefined;
  const planned = `${fixed(nominal, 3)} /h by the pump's calibration`;
  return measured === undefined
    ? `Diluted at ${planned}`
    : `Diluted at ${fixed(measured, 3)} /h as measured, ${planned}`;
}
