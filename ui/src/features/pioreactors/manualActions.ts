/** Single physical acts: liquid and light, by hand. Each is confirmed by what the unit publishes when it is done. */

import { ask, path } from "@/api/client";
import type { ReactorModel } from "@/api/types";
import type { Command } from "@/control/useCommand";
import { state } from "@/live/topics";

export type Dose = "add_media" | "add_alt_media" | "remove_waste" | "circulate_media" | "circulate_alt_media";

export const DOSES: { value: Dose; label: string; doing: string; circulates?: boolean }[] = [
  { value: "add_media", label: "Add media", doing: "Media is added" },
  { value: "add_alt_media", label: "Add alternative media", doing: "Alternative media is added" },
  { value: "remove_waste", label: "Remove waste", doing: "Waste is removed" },
  { value: "circulate_media", label: "Circulate media", doing: "Media circulates", circulates: true },
  {
    value: "circulate_alt_media",
    label: "Circulate alternative media",
    doing: "Alternative media circulates",
    circulates: true,
  },
];

export const circulates = (act: Dose): boolean => DOSES.some((one) => one.value === act && one.circulates === true);

/** How much: a volume, a time, or until it is stopped. */
export type Measure = "ml" | "duration" | "continuously";
export type Amount = { ml: number } | { duration: number } | { continuously: null };

/** The largest dose [mL] that the reactor can hold, or give away. */
export function largestDose(act: Dose, model: ReactorModel | undefined): number {
  if (!model) return 20;
  return act === "remove_waste" ? model.reactor_capacity_ml : model.reactor_max_fill_volume_ml;
}

const run = (
  unit: string,
  experiment: string,
  job: string,
  options: Record<string, number | string | null>,
): Promise<unknown> =>
  ask("PATCH", path("api", "workers", unit, "jobs", "run", "job_name", job, "experiments", experiment), {
    options: { ...options, source_of_event: "UI" },
    args: [],
    env: { JOB_SOURCE: "user" },
    config_overrides: [],
  });

function parsed(payload: string): Record<string, unknown> {
  try {
    return JSON.parse(payload) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** What has an end is confirmed by its event; what runs until it is stopped, and what circulates, by that it runs. */
export function dose(unit: string, experiment: string, act: Dose, amount: Amount): Command {
  const issue = (): Promise<unknown> => run(unit, experiment, act, amount);
  if (circulates(act) || "continuously" in amount)
    return {
      answers: [state(unit, experiment, act)],
      confirms: (payload) => payload === "init" || payload === "ready",
      issue,
    };
  return {
    answers: [`pioreactor/${unit}/${experiment}/dosing_events`],
    confirms: (payload) => parsed(payload).event === act,
    issue,
  };
}

export const light = (unit: string, experiment: string, channel: string, percent: number): Command => ({
  answers: [`pioreactor/${unit}/${experiment}/leds/intensity`],
  confirms: (payload) => parsed(payload)[channel] === percent,
  isAnswered: true,
  issue: () => run(unit, experiment, "led_intensity", { [channel]: percent }),
});
