import { expect, test } from "vitest";
import { axisLabel, changeInWords, conditionsOf, fitInWords, judgmentIn } from "./judgment";

const judgment = {
  grade: "good" as const,
  summary: "good fit: r 0.9990, residual 0.8 % of the span, 10 points",
  doubts: [],
  ratio: 5.2,
  compared_with: "old",
};

test("the fit and the change are told in words", () => {
  expect(fitInWords(judgment)).toBe("Good fit: r 0.9990, residual 0.8 % of the span, 10 points");
  expect(changeInWords(judgment)).toBe("For equal readings 5.2 times the values of old, the active one");
  expect(changeInWords({ ...judgment, ratio: null })).toBeUndefined();
});

test("a judgment that is missing or damaged is none", () => {
  for (const one of [undefined, null, {}, { summary: 1, doubts: [] }, { summary: "x" }]) {
    expect(judgmentIn(one)).toBeUndefined();
  }
  expect(judgmentIn(judgment)).toEqual(judgment);
});

test("axes have units, and those of plugins their own name", () => {
  for (const name of ["Duration", "Volume", "Voltage", "OD600", "DC %", "RPM"])
    expect(axisLabel(name)).toMatch(/\(.+\)/);
  expect(axisLabel("Turbidity")).toBe("Turbidity");
});

test("conditions have units; what was not measured is omitted", () => {
  expect(conditionsOf({ voltage: 12, hz: 250, dc: 100 })).toEqual([
    ["Supply", "12 V"],
    ["PWM frequency", "250 Hz"],
    ["Duty", "100 %"],
  ]);
  expect(conditionsOf({ voltage: -1, angle: "90", pd_channel: "2", rpm: null })).toEqual([
    ["Angle", "90°"],
    ["Photodiode", "2"],
  ]);
});
