/** Proposals of agents, as a leader lists them. */

import type { Proposal } from "@/api/types";

const iso = (momentS: number): string => new Date(momentS * 1000).toISOString();

/** One that waits for a person, and one that was carried out. */
export const someProposals = (nowS: number): Proposal[] => {
  const waiting: Proposal = {
    id: "5b1f0c9a7e2d4466",
    created_at: iso(nowS - 120),
    expires_at: iso(nowS + 1680),
    username: "pioreactor",
    token: "night watch",
    status: "proposed",
    digest: "0".repeat(64),
    act: {
      tool: "run_add_media",
      tool_class: "costly",
      summary: "run_add_media unit reactor-01, experiment Demo, ml 1",
      unit: "reactor-01",
      experiment: "Demo",
      arguments: { unit: "reactor-01", experiment: "Demo", ml: 1 },
      effects: {
        media_ml: 1,
        waste_ml: 0,
        celsius_hours: 0,
        volume_ml: 15,
        max_volume_ml: 18,
        hazards: ["Dilutes the culture."],
      },
      state: {},
      access: "operate",
      area: "units",
      reaches_all_units: false,
      budget: { media_ml: 20 },
      used: { media_ml: 3, celsius_hours: 0, acts_per_hour: 2 },
      agent: "assistant",
    },
    rehearsal: { status: "not_possible", text: "This act cannot be rehearsed.", points: [], media_ml: null },
    decided_by: null,
    decided_at: null,
    note: "",
    committed_at: null,
  };
  const done: Proposal = {
    ...waiting,
    id: "8c40d1aa90be7712",
    created_at: iso(nowS - 5400),
    expires_at: iso(nowS - 3600),
    status: "committed",
    decided_by: "pioreactor",
    decided_at: iso(nowS - 5300),
    committed_at: iso(nowS - 5290),
  };
  return [waiting, done];
};
