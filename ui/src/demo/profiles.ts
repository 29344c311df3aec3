/** A profile of the demonstration, and what its leader says of it. */

import type { ProfilePreview } from "@/api/types";

export const PROFILE = `version: "1.0"
experiment_profile_name: Grow, then hold
metadata: {author: Ada}
common:
  jobs:
    stirring:
      actions:
        - {type: start, t: 0, options: {target_rpm: 500}}
    dosing_automation:
      actions:
        - type: when
          t: 10m
          wait_until: \${{ ::growth_rate_calculating:od_filtered.od_filtered > 1 }}
          actions:
            - {type: start, t: 0, options: {automation_name: turbidostat, target_biomass: 1}}
        - {type: stop, t: 2d}
`;

export const PREVIEW: ProfilePreview = {
  ok: true,
  diagnostics: [
    {
      severity: "warning",
      code: "job.ordering.before_start",
      message: "nothing in this profile has started led_intensity by then",
      path: "common.jobs.led_intensity.actions[0]",
      hint: "Fine if the job runs already when the profile begins.",
    },
  ],
  steps: [
    { at_s: 0, who: "all workers", job: "stirring", words: "start stirring target_rpm 500", depth: 0 },
    {
      at_s: 600,
      who: "all workers",
      job: "dosing_automation",
      words: "once ::growth_rate_calculating:od_filtered.od_filtered > 1:",
      depth: 0,
    },
    {
      at_s: 0,
      who: "all workers",
      job: "dosing_automation",
      words: "start dosing_automation automation_name turbidostat target_biomass 1",
      depth: 1,
    },
    { at_s: 172_800, who: "all workers", job: "dosing_automation", words: "stop dosing_automation", depth: 0 },
  ],
};
