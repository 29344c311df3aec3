/** Single physical acts: liquid and light, by hand. Each is confirmed by what the unit publishes when it is done. */

import { ask, path } from "@/api/client";
import type { Command } from "@/control/useCommand";

export type Dose = "add_media" | "add_alt_media" | "remove_waste";

export const DOSES: { value: Dose; label: string }[] = [
  { value: "add_media", label: "Add media" },
  { value: "add_alt_media", label: "Add alternative media" },
  { value: "remove_waste", label: "Remove waste" },
];

export type Amount = { ml: number } | { duration: number };

const run = (
  unit: string,
  experiment: string,
  job: string,
  options: Record<string, number | string>,
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

export const dose = (unit: string, experiment: string, act: Dose, amount: Amount): Command => ({
  answers: [`pioreactor/${unit}/${experiment}/dosing_events`],
  confirms: (payload) => parsed(payload).event === act,
  issue: () => run(unit, experiment, act, amount),
});

export const light = (unit: string, experiment: string, channel: string, percent: number): Command => ({
  answers: [`pioreactor/${unit}/${experiment}/leds/intensity`],
  confirms: (payload) => parsed(payload)[channel] === percent,
  isAnswered: true,
  issue: () => run(unit, experiment, "led_intensity", { [channel]: percent }),
});
