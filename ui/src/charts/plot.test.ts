import { expect, it } from "vitest";
import { decimalsOf, yRange } from "./plot";

it.each([
  [0.25, 2],
  [5, 0],
  [0.1, 1],
  [0.005, 3],
])("a step of %s needs %s decimals", (step, decimals) => expect(decimalsOf(step)).toBe(decimals));

it("keeps noise small inside the declared domain, and lets data grow beyond it", () => {
  const [low, high] = yRange(29.9, 30.1, [22.5, 37.5]);
  expect(high - low).toBeCloseTo(15);
  expect((low + high) / 2).toBeCloseTo(30);
  expect(yRange(0, 2, [0.001, 0.05])[1]).toBeGreaterThan(2);
  expect(yRange(null, null, [0, 18])).toEqual([0, 18]);
});

it("does not show impossible negative values below a domain that starts at zero", () => {
  expect(yRange(0.01, 0.02, [0.001, 0.05])[0]).toBeGreaterThanOrEqual(0);
});
