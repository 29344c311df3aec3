/** Words and shapes about campaigns. */

import type { CampaignArm, CampaignDefinition, CampaignSuggestion, FactorBand } from "@/api/types";

export const digits = (value: number): string => String(Number(value.toPrecision(4)));

/** A setting in words, such as "temperature 36.5 °C, media 0.4". */
export const settingOf = (setting: Record<string, number>, definition: CampaignDefinition): string =>
  Object.entries(setting)
    .map(([name, value]) => {
      const unit = definition.factors.find((one) => one.name === name)?.unit ?? "";
      return `${name} ${digits(value)} ${unit}`.trim();
    })
    .join(", ");

/** The objective of an arm, or why it has none. */
export const outcomeOf = (arm: CampaignArm): string => {
  if (arm.status !== "done") return arm.status;
  return arm.objective == null ? `failed: ${arm.note ?? ""}` : digits(arm.objective);
};

export const predictionOf = ({ mean, sd }: CampaignSuggestion): string =>
  mean == null || sd == null ? "" : `${digits(mean)} ± ${digits(1.96 * sd)}`;

export const limitsOf = ({ at_limits }: CampaignSuggestion): string => (at_limits ?? []).join(", ");

/** A band as paths in a box, x to the right and y upwards, and the range of its values. */
export function bandPaths(band: FactorBand, width: number, height: number) {
  const [from, to] = [Math.min(...band.low), Math.max(...band.high)];
  const [first, last] = [band.at[0] ?? 0, band.at.at(-1) ?? 1];
  const x = (at: number): number => ((at - first) / (last - first || 1)) * width;
  const y = (value: number): number => height - ((value - from) / (to - from || 1)) * height;
  const points = (values: readonly number[]): string[] =>
    values.map((value, i) => `${x(band.at[i] ?? 0).toFixed(1)},${y(value).toFixed(1)}`);
  const refused = band.at.filter((_, i) => band.is_allowed[i] === false).map(x);
  return {
    from,
    to,
    x,
    y,
    mean: `M${points(band.mean).join("L")}`,
    area: `M${[...points(band.high), ...points(band.low).reverse()].join("L")}Z`,
    refused,
  };
}

export const EXAMPLE = `campaign: warm
factors:
  - {name: temperature, low: 25, high: 40, unit: °C, step: 0.5}
objective: {expression: growth_rate_per_h, from_hours: 4}
hours: 12
settings: 12
profile: |
  version: "1.0"
  experiment_profile_name: arm
  common:
    jobs:
      temperature_automation:
        actions:
          - type: start
            t: 0
            options: {automation_name: thermostat, target_temperature: "\${{ temperature }}"}
`;
