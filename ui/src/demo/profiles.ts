/** Profiles of the demonstration's leader. */

export const PROFILE_TEXT = `version: "1.0"
experiment_profile_name: Overnight growth
metadata:
  author: Demo
  description: Grows over night, then holds the culture as a turbidostat.

common:
  jobs:
    stirring:
      actions:
        - type: start
          t: 0
          options: {target_rpm: 500}
    od_reading:
      actions:
        - type: start
          t: 5m
`;

export const PROFILE_ROWS = [
  {
    file: "overnight.yaml",
    fullpath: "/profiles/overnight.yaml",
    experimentProfile: {
      experiment_profile_name: "Overnight growth",
      metadata: { author: "Demo", description: "Grows over night, then holds the culture as a turbidostat." },
      common: {
        jobs: {
          stirring: { actions: [{ type: "start", t: 0, options: { target_rpm: 500 } }, { type: "update", t: "14h", options: { target_rpm: 600 } }] },
          od_reading: { actions: [{ type: "start", t: "5m" }] },
          growth_rate_calculating: { actions: [{ type: "start", t: "20m" }] },
        },
      },
      pioreactors: {
        "reactor-01": {
          jobs: {
            dosing_automation: {
              actions: [{ type: "when", t: "2h", wait_until: "${{ ::growth_rate_calculating:od_filtered.od_filtered > 8 }}", actions: [{ type: "start", t: 0, options: { automation_name: "turbidostat", target_biomass: 0.42 } }] }],
            },
          },
        },
      },
    },
  },
  { file: "heat_shock.yaml", fullpath: "/profiles/heat_shock.yaml", experimentProfile: { experiment_profile_name: "Heat shock", common: { jobs: { temperature_automation: { actions: [{ type: "update", t: "6h", options: { target_temperature: 37 } }] } } } } },
];
