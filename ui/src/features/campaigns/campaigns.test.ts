import { expect, it } from "vitest";
import { bandPaths, outcomeOf } from "./campaigns";

const band = {
  factor: "temperature",
  unit: "°C",
  at: [20, 30, 40],
  mean: [1, 2, 3],
  low: [0, 1, 2],
  high: [2, 3, 4],
  is_allowed: [true, true, false],
};

it("draws a band upwards and marks what limits refuse", () => {
  const { mean, area, refused, from, to } = bandPaths(band, 100, 40);
  expect(mean).toBe("M0.0,30.0L50.0,20.0L100.0,10.0");
  expect(area).toMatch(/^M0\.0,20\.0L.*Z$/);
  expect([from, to, refused]).toEqual([0, 4, [100]]);
});

it("draws a flat band without dividing by zero", () => {
  expect(bandPaths({ ...band, mean: [1, 1, 1], low: [1, 1, 1], high: [1, 1, 1] }, 100, 40).mean).not.toContain("NaN");
});

it("says why an arm has no objective", () => {
  const arm = { status: "done", objective: null, note: "washed out" } as Parameters<typeof outcomeOf>[0];
  expect(outcomeOf(arm)).toBe("failed: washed out");
  expect(outcomeOf({ ...arm, status: "waiting" })).toBe("waiting");
});
