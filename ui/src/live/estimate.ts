/** The growth rate with its 95 % band, and how much the media pump moves, as a unit estimates them. */

import { useMemo } from "react";
import { useTopic } from "./hooks";
import { setting } from "./topics";

export interface Estimate {
  /** Specific growth rate [1/h], and half the width of its 95 % band. */
  rate: number;
  half: number;
  /** Volume delivered over volume announced, and its standard deviation. */
  pumpGain: number | undefined;
  pumpGainSd: number | undefined;
}

const numberIn = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;

export function estimateOf(payload: string | undefined): Estimate | undefined {
  if (payload === undefined) return undefined;
  try {
    const said = (JSON.parse(payload) ?? {}) as Record<string, unknown>;
    const [rate, low, high] = [said.growth_rate, said.lower_95, said.upper_95].map(numberIn);
    if (rate === undefined || low === undefined || high === undefined) return undefined;
    return {
      rate,
      half: (high - low) / 2,
      pumpGain: numberIn(said.pump_gain),
      pumpGainSd: numberIn(said.pump_gain_sd),
    };
  } catch {
    return undefined;
  }
}

export function useEstimate(unit: string, experiment: string): Estimate | undefined {
  const payload = useTopic(setting(unit, experiment, "growth_rate_calculating", "estimate"));
  return useMemo(() => estimateOf(payload), [payload]);
}

/** Digits that tell the band from nothing: two, or three for a narrow one. */
export const decimalsFor = (half: number): number => (half < 0.01 ? 3 : 2);

const SURE_SD = 0.05;

/** What the estimate says about the pump, or undefined while it cannot tell. */
export function pumpInWords({ pumpGain, pumpGainSd }: Estimate): string | undefined {
  if (pumpGain === undefined || pumpGainSd === undefined) return undefined;
  const [off, give] = [Math.abs(pumpGain - 1), 1.96 * pumpGainSd];
  const percent = (share: number): string => `${Math.max(1, Math.round(100 * share))} %`;
  if (off >= 0.01 && off > give)
    return `The media pump moves ${percent(off)} ${pumpGain < 1 ? "less" : "more"} than calibrated (± ${percent(give)}).`;
  return pumpGainSd < SURE_SD ? `The media pump matches its calibration (± ${percent(give)}).` : undefined;
}
