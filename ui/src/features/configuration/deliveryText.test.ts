import { expect, it } from "vitest";
import type { DeliveryStatus } from "@/api/types";
import { deliveryOf, summary } from "./deliveryText";

const unit = (state: DeliveryStatus["state"], version: number | null, message: string | null = null) =>
  ({
    pioreactor_unit: "r-1",
    state,
    version,
    newest: 3,
    since: "2026-11-29T10:00:00.000Z",
    message,
  }) satisfies DeliveryStatus;

it("says what a unit has, and why not the newest", () => {
  expect(deliveryOf(unit("in_step", 3))).toMatchObject({ icon: "check", word: "In step" });
  const waiting = deliveryOf(unit("waiting", 2, "no response within 5 s"));
  expect(waiting.word).toBe("Waiting");
  expect(waiting.text).toMatch(/^has version 2 of 3, since .+: no response within 5 s\. It is sent when the unit/);
  expect(deliveryOf(unit("refused", null, "not valid.")).text).toMatch(/^has no version yet, since .+: not valid\.$/);
});

it("sums the units up", () => {
  expect(summary([unit("in_step", 1), unit("in_step", 1)])).toBe("All 2 units have it.");
  expect(summary([unit("in_step", 1)])).toBe("The unit has it.");
  expect(summary([unit("waiting", 1), unit("waiting", 1), unit("refused", 1)])).toBe(
    "2 units wait for it, 1 unit refuses it.",
  );
});
