/** What the pages of profiles know of them: names of files, times in words, and a first text to change. */

import type { Diagnostic, ProfileRow, ProfileStep } from "@/api/types";

export const nameOf = (row: ProfileRow): string => String(row.experimentProfile.experiment_profile_name ?? row.file);

export function authorOf(row: ProfileRow): string {
  const metadata = row.experimentProfile.metadata as { author?: string } | undefined;
  return metadata?.author ?? "";
}

/** Return why a file cannot have this name, or nothing. */
export function wrongName(file: string, taken: readonly string[]): string | undefined {
  if (file.trim() === "") return "Give it a name.";
  if (!/^[A-Za-z0-9_ .()-]+$/.test(file)) return "Use letters, digits, spaces, and _ . ( ) - only.";
  if (taken.includes(asFile(file))) return "There is a profile of this name.";
  return undefined;
}

export const asFile = (name: string): string => (/\.ya?ml$/.test(name) ? name : `${name.trim()}.yaml`);

/** Return a time since the beginning as people say it: 90 s, 5 min, 2 h 30 min, 1 d 4 h. */
export function since(seconds: number): string {
  if (seconds < 120 && seconds % 60 !== 0) return `${Number(seconds.toPrecision(6))} s`;
  let left = Math.round(seconds);
  const parts: string[] = [];
  for (const [name, size] of [
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ] as const) {
    const found = Math.floor(left / size);
    left -= found * size;
    if (found > 0) parts.push(`${found} ${name}`);
  }
  return parts.length > 0 ? parts.slice(0, 2).join(" ") : "0 s";
}

/** Return a step's moment: after the beginning, or within what it is a part of. */
export const when = (step: ProfileStep): string => (step.depth > 0 ? `+ ${since(step.at_s)}` : since(step.at_s));

const RANK: Record<Diagnostic["severity"], number> = { error: 0, warning: 1, info: 2 };

/** Errors first, then in the order of the profile. */
export const byWeight = (found: readonly Diagnostic[]): Diagnostic[] =>
  [...found].sort((a, b) => RANK[a.severity] - RANK[b.severity]);

export const TEMPLATE = `version: "1.0"
experiment_profile_name: Stir, then dilute
metadata:
  author: ""
  description: ""

inputs:
  target: 1.0

common:
  jobs:
    stirring:
      actions:
        - type: start
          t: 0
          options:
            target_rpm: 500
    od_reading:
      actions:
        - type: start
          t: 1m
    growth_rate_calculating:
      actions:
        - type: start
          t: 2m
    dosing_automation:
      actions:
        - type: when
          t: 10m
          wait_until: \${{ ::growth_rate_calculating:od_filtered.od_filtered > target }}
          actions:
            - type: start
              t: 0
              options:
                automation_name: turbidostat
                target_biomass: \${{ target }}
                exchange_volume_ml: 1.0
`;

const HEAD = (name: string): string => `version: "1.0"
experiment_profile_name: ${name}
metadata:
  author: ""
  description: ""

common:
  jobs:
    stirring:
      actions:
        - type: start
          t: 0
          options:
            target_rpm: 500
    od_reading:
      actions:
        - type: start
          t: 1m
    growth_rate_calculating:
      actions:
        - type: start
          t: 2m
`;

/** First texts of new profiles, each of which runs as it is. */
export const TEMPLATES: readonly { name: string; text: string }[] = [
  { name: "Stir, then dilute at a density", text: TEMPLATE },
  { name: "Record a growth curve", text: HEAD("Growth curve") },
  {
    name: "Chemostat at a temperature",
    text: `${HEAD("Chemostat")}    temperature_automation:
      actions:
        - type: start
          t: 0
          options:
            automation_name: thermostat
            target_temperature: 37
    dosing_automation:
      actions:
        - type: start
          t: 6h
          options:
            automation_name: chemostat
            exchange_volume_ml: 1.0
            duration: 20
`,
  },
  {
    name: "Change stirring by the hour",
    text: `version: "1.0"
experiment_profile_name: Stirring by the hour
metadata:
  author: ""
  description: ""

common:
  jobs:
    stirring:
      actions:
        - type: start
          t: 0
          options:
            target_rpm: 300
        - type: update
          t: 1h
          options:
            target_rpm: 500
        - type: stop
          t: 2h
`,
  },
];
