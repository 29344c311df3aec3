import { expect, it } from "vitest";
import { unbroken } from "./bands";

it("does not bridge an interruption", () => {
  const steady = (from: number, n: number): number[] => Array.from({ length: n }, (_, i) => from + 5 * i);
  expect(unbroken([...steady(0, 20), ...steady(3600, 20)])).toEqual([
    [0, 95],
    [3600, 3695],
  ]);
  expect(unbroken([])).toEqual([]);
});
