/** A rehearsal as a leader keeps it: a turbidostat whose media runs low. */

import type { ForecastOfUnit, RehearsalForecast, Rehearsals } from "@/api/types";

const HOURS = Array.from({ length: 49 }, (_, i) => i / 2);

const band = (median: (hour: number) => number, width: number): ForecastOfUnit["od"] => ({
  low: HOURS.map((hour) => median(hour) * (1 - width)),
  median: HOURS.map(median),
  high: HOURS.map((hour) => median(hour) * (1 + width)),
});

const used = { low: 287.1, median: 300, high: 300 };
const ends = { low: 19.8, median: 20.6, high: 21.9 };

const unit = (name: string, density: number): ForecastOfUnit => ({
  name,
  od: band((hour) => Math.min(density, 0.05 * Math.exp(0.4 * hour)), 0.06),
  growth_rate_per_h: band((hour) => (hour < 1 ? 0.2 : 0.4), 0.08),
  celsius: band((hour) => 30 - 5 * Math.exp(-hour), 0.01),
  volume_ml: band(() => 14, 0.01),
  media_ml: band((hour) => Math.min(300, 15 * hour), 0.05),
  alt_media_ml: band(() => 0, 0),
  waste_ml: band((hour) => Math.min(300, 15 * hour), 0.05),
  bottles: [
    { bottle: "media", used_ml: used, size_ml: 300, ends_in_runs: 8, ends_at_h: ends },
    { bottle: "waste", used_ml: used, size_ml: 1000, ends_in_runs: 0, ends_at_h: null },
  ],
});

export const REHEARSAL: RehearsalForecast = {
  profile_name: "Grow, then hold",
  experiment: "Demo",
  runs: 8,
  failed_runs: 0,
  seed: 1,
  started_at: "2026-11-28T20:00:00.000Z",
  hours: HOURS,
  finished_runs: 0,
  finishes_at_h: null,
  units: [unit("reactor-01", 1), unit("reactor-02", 0.8)],
  hazards: [
    {
      kind: "bottle_empty",
      unit: "reactor-01",
      at_h: 19.8,
      message: "the bottle of media is empty: 300 mL are used",
      remedy: "Take a larger bottle, or change it before this time.",
      path: "",
      line: null,
      runs: 8,
    },
    {
      kind: "setting_out_of_bounds",
      unit: "reactor-02",
      at_h: 0.1,
      message: "target_temperature must be between 0 and 78 ℃, not 340.0",
      remedy: "Choose a value within the bounds.",
      path: "common.jobs.temperature_automation.actions[1]",
      line: 12,
      runs: 8,
    },
  ],
  notes: [],
  is_complete: true,
};

export const REHEARSALS: Rehearsals = {
  in_progress: null,
  kept: [
    {
      id: "20261128T200000",
      profile_name: REHEARSAL.profile_name,
      started_at: REHEARSAL.started_at,
      runs: REHEARSAL.runs,
      hazards: REHEARSAL.hazards.length,
      is_complete: true,
    },
  ],
};

/** The answer to what the panel reads of rehearsals; undefined for another address. */
export function rehearsalAnswer(path: string): unknown {
  if (!path.includes("/rehearsals")) return undefined;
  if (path.endsWith("/rehearsals")) return REHEARSALS;
  return path.endsWith("/comparison") ? [] : REHEARSAL;
}
