/** Whether an OD reading is in the units of a calibration, as its payload says. */

/** Return undefined for a payload that says nothing about it. */
export function isUncalibrated(payload: string | undefined): boolean | undefined {
  const found = /"calibrated"\s*:\s*(0|1|true|false)/.exec(payload ?? "");
  return found ? found[1] === "0" || found[1] === "false" : undefined;
}
