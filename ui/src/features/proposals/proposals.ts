/** The words for proposals of agents. */

import type { Proposal } from "@/api/types";

/** Whether a person can still decide about it. */
export const isOpen = (proposal: Proposal, nowMs: number): boolean =>
  proposal.status === "proposed" && Date.parse(proposal.expires_at) > nowMs;

/** Whether its rehearsal can be run again. */
export const canRepeat = ({ rehearsal }: Proposal): boolean => ["failed", "interrupted"].includes(rehearsal.status);

/** What became of it. */
export const outcome = (proposal: Proposal, nowMs: number): string => {
  const isLate = Date.parse(proposal.expires_at) <= nowMs;
  if (proposal.status === "committed") return `approved by ${proposal.decided_by}, carried out`;
  if (proposal.status === "rejected") return `rejected by ${proposal.decided_by}`;
  if (isLate) return "expired";
  return proposal.status === "approved" ? `approved by ${proposal.decided_by}, not yet carried out` : "waits for you";
};

const amount = (value: number | null | undefined, unit: string): string =>
  value == null ? "no bound" : `${Number(value.toFixed(2))} ${unit}`;

/** Names and values of what it uses up and leads to. */
export const effectsOf = ({ act }: Proposal): [string, string][] => [
  ["Medium", amount(act.effects.media_ml, "mL")],
  ["Waste", amount(act.effects.waste_ml, "mL")],
  ["Heat", amount(act.effects.celsius_hours, "°C·h")],
  ...(act.effects.volume_ml == null
    ? []
    : ([["In the vial afterwards", `${act.effects.volume_ml} of at most ${act.effects.max_volume_ml} mL`]] as [
        string,
        string,
      ][])),
  ...(act.budget?.media_ml == null
    ? []
    : ([["Budget used", `${amount(act.used?.media_ml, "mL")} of ${act.budget.media_ml} mL`]] as [string, string][])),
];
