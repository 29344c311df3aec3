/** Says which optical densities are the sensor's own signal because no calibration is active. */

import { isUncalibrated } from "@/live/calibrated";
import { useTopics } from "@/live/hooks";
import { setting } from "@/live/topics";

interface Series {
  unit: string;
  channel: string | undefined;
}

/** "uncalibrated: …", naming the units when only some are; undefined when all are calibrated or nothing is known. */
export function uncalibratedWords(
  units: readonly string[],
  flags: readonly (boolean | undefined)[],
): string | undefined {
  const known = flags.filter((flag) => flag !== undefined);
  const found = [...new Set(units.filter((_, i) => flags[i]))];
  if (found.length === 0) return undefined;
  return known.every(Boolean)
    ? "uncalibrated: the sensor's own signal"
    : `uncalibrated: ${found.join(", ")} (the sensor's own signal)`;
}

export function useUncalibratedWords(
  series: readonly Series[],
  experiment: string,
  labels: Record<string, string>,
): string | undefined {
  const payloads = useTopics(
    series.map(({ unit, channel }) => setting(unit, experiment, "od_reading", `od${channel ?? ""}`)),
  );
  return uncalibratedWords(
    series.map(({ unit }) => labels[unit] ?? unit),
    payloads.map(isUncalibrated),
  );
}
