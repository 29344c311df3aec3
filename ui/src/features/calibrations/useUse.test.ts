import { expect, test } from "vitest";
import { doubtsIn } from "./AddCalibration";
import { ageOf } from "./Coverage";
import { consequence, whileDosing } from "./useUse";

const pump = { unit: "worker1", device: "media_pump", name: "mine" };
const od = { ...pump, device: "od90" };

test("what becomes of a device is told before a curve is put out of use", () => {
  expect(consequence({ ...pump, inUse: true })).toBe(
    "Without a calibration, media pump of worker1 refuses doses in mL.",
  );
  expect(consequence({ ...od, inUse: true })).toMatch(/not calibrated/);
  expect(consequence({ ...od, inUse: false })).toMatch(/next start/);
});

test("running doses are named with what happens to the next one", () => {
  expect(whileDosing({ ...pump, inUse: true })).toMatch(/next dose will be refused/);
  expect(whileDosing({ ...pump, inUse: false })).toMatch(/next dose will use this curve/);
  expect(whileDosing({ ...od, inUse: true })).toMatch(/decides by optical density/);
});

test("an upload that is not in use tells why, by unit", () => {
  const judgment = { summary: "good fit", doubts: ["It differs."] };
  const answer = {
    worker1: { ok: true, value: { active: false, judgment } },
    worker2: { ok: true, value: { active: true, judgment } },
    worker3: { ok: false },
  };
  expect(doubtsIn(answer)).toEqual(["worker1: It differs."]);
  expect(doubtsIn(undefined)).toEqual([]);
});

test("ages are told in days, or less", () => {
  const made = "2026-01-01T00:00:00.000Z";
  const at = Date.parse(made) / 1000;
  expect(ageOf(made, at + 10)).toBe("new");
  expect(ageOf(made, at + 86_400)).toBe("1 day old");
  expect(ageOf(made, at + 30 * 86_400)).toBe("30 days old");
});
