/** A campaign as a leader keeps it: temperature and a medium, ten arms. */

import type { Campaign, CampaignArm, CampaignKnowledge, CampaignShown, FactorBand } from "@/api/types";

const NAME = "warm-and-fed";
const AT = "2026-11-28T20:00:00.000Z";

const CAMPAIGN: Campaign = {
  campaign: NAME,
  experiment: "Demo",
  created_at: AT,
  definition: `campaign: ${NAME}\n`,
  ended_at: null,
};

const SETTINGS: readonly [number, number][] = [
  [30, 0.5],
  [38.5, 0.95],
  [26, 0.2],
  [34, 0.75],
  [36, 0.6],
  [37.5, 0.65],
  [35, 0.5],
  [36.5, 0.55],
  [37, 0.58],
  [40, 0.62],
];

const objective = (temperature: number, media: number): number =>
  0.42 - ((temperature - 36) / 20) ** 2 - ((media - 0.6) / 2) ** 2;

const arm = ([temperature, media]: [number, number], index: number): CampaignArm => ({
  arm: index + 1,
  unit: index % 2 === 0 ? "reactor-01" : "reactor-02",
  status: index < 8 ? "done" : index === 8 ? "running" : "waiting",
  setting: index,
  replicate: 0,
  suggestion: {
    setting: { temperature, media },
    kind: index < 4 ? "initial" : "improvement",
    why:
      index < 4
        ? "a point of Sobol's sequence, before anything is chosen by what was measured"
        : "expected improvement 0.004: predicted 0.41 ± 0.02, best so far 0.42; the band is wide there",
    at_limits: index === 9 ? ["warm and starved"] : [],
  },
  asked_at: AT,
  started_at: index < 9 ? AT : null,
  objective: index < 8 && index !== 2 ? objective(temperature, media) : null,
  note: index === 2 ? "the culture washed out" : "",
  told_at: index < 8 ? AT : null,
});

const band = (factor: string, unit: string, low: number, high: number, along: (at: number) => number): FactorBand => {
  const at = Array.from({ length: 41 }, (_, i) => low + ((high - low) * i) / 40);
  const width = (value: number): number => 0.01 + 0.12 * (Math.abs(value - (low + high) / 2) / (high - low)) ** 2;
  return {
    factor,
    unit,
    at,
    mean: at.map(along),
    low: at.map((value) => along(value) - width(value)),
    high: at.map((value) => along(value) + width(value)),
    is_allowed: at.map((value) => factor !== "temperature" || value <= 40),
  };
};

const SHOWN: CampaignShown = {
  campaign: CAMPAIGN,
  definition: {
    campaign: NAME,
    factors: [
      { name: "temperature", low: 25, high: 42, unit: "°C", step: 0.5, levels: 3 },
      { name: "media", low: 0, high: 1, unit: "", step: null, levels: 3 },
    ],
    limits: [{ name: "warm and starved", sum: { temperature: 0.1, media: -1 }, at_most: 3.4 }],
    profile: 'version: "1.0"\nexperiment_profile_name: arm\n',
    objective: { expression: "growth_rate_per_h", maximize: true, from_hours: 4 },
    hours: 12,
    choose_by: "bayesian",
    settings: 24,
    initial: 4,
    batch: 2,
    replicates: 1,
    seed: 1,
    units: [],
  },
  arms: SETTINGS.map(arm),
};

const KNOWLEDGE: CampaignKnowledge = {
  done: 8,
  failed: 1,
  open: 2,
  settings_left: 14,
  best: {
    setting: { temperature: 36, media: 0.6 },
    kind: "improvement",
    why: "the best predicted objective",
    at_limits: [],
    mean: 0.418,
    sd: 0.006,
  },
  bands: [
    band("temperature", "°C", 25, 42, (at) => objective(at, 0.6)),
    band("media", "", 0, 1, (at) => objective(36, at)),
  ],
};

/** What is answered about campaigns; nothing for another address. */
export function campaignAnswer(path: string): unknown {
  if (path.endsWith("/campaigns")) return [CAMPAIGN];
  if (path.endsWith(`/campaigns/${NAME}`)) return SHOWN;
  if (path.endsWith(`/campaigns/${NAME}/knowledge`)) return KNOWLEDGE;
  return undefined;
}
