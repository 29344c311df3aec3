/** What became of a command: sent, confirmed by the unit, refused, or no answer. A 202 confirms nothing. */

export type Phase = "idle" | "sent" | "confirmed" | "refused" | "silent";

export interface Outcome {
  phase: Phase;
  /** Who has to answer, and who did. */
  targets: readonly string[];
  answered: readonly string[];
  reason?: string;
  remedy?: string | undefined;
  /** A unit published another value than the one that was sent; it may still take the one sent. */
  kept?: boolean;
}

export type Happening =
  | { kind: "sent"; targets: readonly string[] }
  | { kind: "received"; target: string }
  | { kind: "accepted" }
  | { kind: "kept"; target: string; reason: string }
  | { kind: "refused"; reason: string; remedy?: string | undefined }
  | { kind: "waited" }
  | { kind: "dismissed" };

export const IDLE: Outcome = { phase: "idle", targets: [], answered: [] };

/** How long a unit may stay silent before the page says so [ms]. */
export const PATIENCE_MS = 10_000;

export function next(outcome: Outcome, happening: Happening): Outcome {
  switch (happening.kind) {
    case "sent":
      return { phase: "sent", targets: happening.targets, answered: [] };
    case "received": {
      const waiting = outcome.phase === "sent" || outcome.phase === "silent" || outcome.kept === true;
      if (!waiting || !outcome.targets.includes(happening.target) || outcome.answered.includes(happening.target))
        return outcome;
      const answered = [...outcome.answered, happening.target];
      return { ...outcome, answered, phase: answered.length === outcome.targets.length ? "confirmed" : outcome.phase };
    }
    case "accepted":
      if (outcome.phase === "idle" || outcome.phase === "confirmed") return outcome;
      return { phase: "confirmed", targets: outcome.targets, answered: outcome.targets };
    case "kept":
      if (outcome.phase !== "sent" && outcome.phase !== "silent") return outcome;
      if (!outcome.targets.includes(happening.target) || outcome.answered.includes(happening.target)) return outcome;
      return { ...outcome, phase: "refused", reason: happening.reason, kept: true };
    case "refused":
      if (outcome.phase === "confirmed" || outcome.phase === "idle") return outcome;
      return { ...outcome, phase: "refused", reason: happening.reason, remedy: happening.remedy };
    case "waited":
      return outcome.phase === "sent" ? { ...outcome, phase: "silent" } : outcome;
    case "dismissed":
      return IDLE;
  }
}

/** Say whether what the unit published is the value that was sent: `30` and `30.0` are the same number. */
export function sameValue(sent: string | number | boolean, received: string): boolean {
  if (typeof sent === "boolean") return received.toLowerCase() === String(sent);
  if (typeof sent === "number")
    return received.trim() !== "" && Math.abs(Number(received) - sent) < 1e-9 * Math.max(1, Math.abs(sent));
  return received === sent;
}
