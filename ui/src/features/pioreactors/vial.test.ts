import { expect, it } from "vitest";
import { GLASS, surfaceY, turbidity, turnS } from "./vial";

it("puts the surface where the volume is", () => {
  expect(surfaceY(0, 20)).toBe(GLASS.bottom);
  expect(surfaceY(20, 20)).toBe(GLASS.top);
  expect(surfaceY(25, 20)).toBe(GLASS.top);
  expect(surfaceY(10, 20)).toBeCloseTo((GLASS.top + GLASS.bottom) / 2);
});

it("looks clear at the start and nearly opaque when dense", () => {
  expect(turbidity(undefined)).toBe(0);
  expect(turbidity(0.98)).toBe(0);
  expect(turbidity(5)).toBeGreaterThan(turbidity(2));
  expect(turbidity(100)).toBeGreaterThan(0.95);
});

it("stands still when nothing turns, and turns faster with more speed", () => {
  expect(turnS(0)).toBeUndefined();
  expect(turnS(500)).toBeLessThan(turnS(250) as number);
});
