/** What the leader knows about profiles. */

import { ask, path } from "@/api/client";
import type { components } from "@/api/schema";

export type ProfileRow = components["schemas"]["ProfileRow"];
export type ProfileRun = components["schemas"]["ProfileRun"];
export type RunningJob = components["schemas"]["JobRow"];

export const PROFILES = ["profiles"];
export const runsKey = (experiment: string): string[] => ["experiments", experiment, "profile runs"];

/** Run a profile on the leader; a dry run says what would happen and touches nothing. */
export const run = (leader: string, row: ProfileRow, experiment: string, dryRun: boolean): Promise<unknown> =>
  ask("PATCH", path("api", "units", leader, "jobs", "run", "job_name", "experiment_profile", "experiments", experiment), {
    args: ["execute", row.fullpath, experiment],
    options: dryRun ? { "dry-run": null } : {},
    env: { JOB_SOURCE: "user" },
    config_overrides: [],
  });

export const NEW_PROFILE = `version: "1.0"
experiment_profile_name: My profile

common:
  jobs:
    stirring:
      actions:
        - type: start
          t: 0
        - type: stop
          t: 12h
`;

/** Return what is wrong with a file name, or undefined. */
export function wrongFile(name: string, taken: readonly string[]): string | undefined {
  const trimmed = name.trim();
  if (trimmed === "") return "Needs a name";
  if (!/^[A-Za-z0-9][A-Za-z0-9._ -]*$/.test(trimmed)) return "Letters, digits, spaces and . _ - only";
  if (!/\.ya?ml$/.test(trimmed)) return "Must end with .yaml";
  return taken.includes(trimmed) ? "A profile of this name exists" : undefined;
}
