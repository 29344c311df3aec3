import { expect, it } from "vitest";
import { localMoment, momentAt, wrongRange } from "./moments";

it("reads the moments that it writes", () => {
  for (const seconds of [1_700_000_000, 1_793_000_123]) expect(momentAt(localMoment(seconds))).toBe(seconds);
  expect(localMoment(1_700_000_000)).toMatch(/^2023-11-1[45]T\d\d:\d\d:20$/);
});

it("refuses stretches that cannot be shown", () => {
  expect(wrongRange([10, 20])).toBeUndefined();
  expect(wrongRange([20, 10])).toBe("Ends before it begins");
  expect(wrongRange([momentAt(""), 10])).toBe("Give date and time of both");
});
