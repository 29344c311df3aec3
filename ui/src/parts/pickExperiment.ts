/** Which experiment a page shows. Loaded before the page: imports nothing large. */

import type { Experiment } from "@/api/types";
import { recall } from "./remembered";

export const REMEMBERED = "pioreactor.experiment";
export const LINKED = "experiment";

/** Return the experiment asked for, or else the newest that has units, or else the newest. */
export function pick(
  experiments: readonly Experiment[],
  ...names: (string | null | undefined)[]
): Experiment | undefined {
  for (const name of names) {
    const found = experiments.find((one) => one.experiment === name);
    if (found) return found;
  }
  const newestFirst = [...experiments].sort((a, b) => b.created_at.localeCompare(a.created_at));
  return newestFirst.find((one) => one.worker_count > 0) ?? newestFirst[0];
}

/** Return the names that a page with this query looks for, the first that exists is shown. */
export const wantedExperiments = (search: string): string[] =>
  [new URLSearchParams(search).get(LINKED), recall(REMEMBERED)].filter((name) => typeof name === "string");

/** Return the experiment that a page with this query shows at first. */
export const firstExperiment = (experiments: readonly Experiment[], search: string): Experiment | undefined =>
  pick(experiments, ...wantedExperiments(search));
