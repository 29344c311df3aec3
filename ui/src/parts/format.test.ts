import { expect, it } from "vitest";
import { count, duration, fixed, legible, plain, reading, secondsOf } from "./format";

it("never writes minus zero", () => {
  expect(fixed(-0.001, 2)).toBe("0.00");
  expect(fixed(-0.006, 2)).toBe("-0.01");
});

it.each([
  [0.00412, "0.0041"],
  [0.142, "0.142"],
  [1.0239, "1.02"],
  [30.08, "30.1"],
  [499.7, "500"],
])("reads %s as %s", (value, text) => expect(reading(value)).toBe(text));

it.each([
  [8, "8 s"],
  [61, "1 min"],
  [5400, "1.5 h"],
  [90_000, "25 h"],
  [400_000, "5 d"],
])("%s s is %s", (seconds, text) => expect(duration(seconds)).toBe(text));

it("takes a moment without an offset as UTC", () => {
  expect(secondsOf("2026-11-22T08:00:00")).toBe(secondsOf("2026-11-22T08:00:00Z"));
  expect(secondsOf("2026-11-22 08:00:00")).toBe(secondsOf("2026-11-22T10:00:00+02:00"));
});

it("is plain where a person edits", () => {
  expect(plain(9.217309649999995)).toBe("9.21731");
  expect(plain(500)).toBe("500");
});

it("shows small readings with more decimals", () => {
  expect(legible(0.00707, 3)).toBe("0.0071");
  expect(legible(0.44, 3)).toBe("0.440");
  expect(legible(29.94, 1)).toBe("29.9");
  expect(legible(0, 3)).toBe("0.000");
});

it("counts in words", () => {
  expect(count(1, "unit")).toBe("1 unit");
  expect(count(4, "unit")).toBe("4 units");
});
