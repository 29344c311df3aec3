import { expect, test } from "vitest";
import { someProposals } from "@/demo/proposals";
import { canRepeat, effectsOf, isOpen, outcome } from "./proposals";

const NOW_MS = 1_900_000_000_000;
const [waiting, done] = someProposals(NOW_MS / 1000);

test("a proposal is open until it is decided or late", () => {
  if (!waiting || !done) throw new Error("no proposals");
  expect([isOpen(waiting, NOW_MS), isOpen(done, NOW_MS), isOpen(waiting, NOW_MS + 3_600_000)]).toEqual([
    true,
    false,
    false,
  ]);
  expect(outcome(waiting, NOW_MS + 3_600_000)).toBe("expired");
  expect(outcome(done, NOW_MS)).toBe("approved by pioreactor, carried out");
});

test("a rehearsal that was interrupted can be repeated", () => {
  if (!waiting) throw new Error("no proposals");
  const rehearsal = { ...waiting.rehearsal, status: "interrupted" as const };
  expect([canRepeat(waiting), canRepeat({ ...waiting, rehearsal })]).toEqual([false, true]);
});

test("effects have their units, and say what has no bound", () => {
  if (!waiting) throw new Error("no proposals");
  expect(effectsOf(waiting)).toContainEqual(["In the vial afterwards", "15 of at most 18 mL"]);
  const act = { ...waiting.act, effects: { ...waiting.act.effects, media_ml: null } };
  expect(effectsOf({ ...waiting, act })).toContainEqual(["Medium", "no bound"]);
});
