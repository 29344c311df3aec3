import { expect, it } from "vitest";
import { checked, rangeOf } from "./validation";

const rpm = { type: "numeric", min: 0, max: 1500, unit: "RPM" };

it.each([
  ["500", { ok: true, value: 500 }],
  [" 0 ", { ok: true, value: 0 }],
  ["30,5", { ok: true, value: 30.5 }],
  ["1501", { ok: false, reason: "At most 1500 RPM" }],
  ["-1", { ok: false, reason: "At least 0 RPM" }],
  ["fast", { ok: false, reason: "Not a number" }],
  ["", { ok: false, reason: "Needs a value" }],
])("checks %j", (text, answer) => expect(checked(rpm, text)).toEqual(answer));

it("lets an optional value be empty", () =>
  expect(checked({ type: "numeric", required: false }, "")).toEqual({ ok: true, value: "" }));

it.each([
  [rpm, "0 to 1500 RPM"],
  [{ min: 0.1, unit: "mL" }, "at least 0.1 mL"],
  [{ max: 100, unit: "%" }, "at most 100 %"],
  [{}, undefined],
])("writes the range of %j", (rules, text) => expect(rangeOf(rules)).toBe(text));
