import { describe, expect, it } from "vitest";
import { withoutSpikes } from "./spikes";

const noisy = (n: number, level = 1): number[] => Array.from({ length: n }, (_, i) => level + 0.02 * Math.sin(i * 7));

const withAt = (values: number[], changes: Record<number, number>): number[] =>
  values.map((value, i) => changes[i] ?? value);

describe("a spike", () => {
  it.each([20, 50, 400, 2800])("among %i readings is not in the range, and is named", (n) => {
    const found = withoutSpikes(withAt(noisy(n), { 7: 40 }));
    expect(found?.spikes).toEqual([7]);
    expect(found?.high).toBeLessThan(1.1);
    expect(withoutSpikes(withAt(noisy(n), { 7: -40 }))?.low).toBeGreaterThan(0.9);
  });

  it("may last some readings, and gaps do not matter", () => {
    const values: (number | null | undefined)[] = withAt(noisy(300), { 100: 9, 101: 12, 102: 8 });
    values[99] = null;
    values[50] = undefined;
    expect(withoutSpikes(values)?.spikes).toEqual([100, 101, 102]);
  });

  it("at the very end is not one yet", () => expect(withoutSpikes(withAt(noisy(100), { 99: 40 }))?.high).toBe(40));
});

describe("what is no spike", () => {
  it.each([
    ["growth over ten doublings", Array.from({ length: 500 }, (_, i) => 0.01 * 2 ** (i / 50))],
    [
      "a late burst of growth",
      withAt(noisy(400, 0.05), Object.fromEntries([...Array(12).keys()].map((i) => [388 + i, 0.1 * 2 ** i]))),
    ],
    ["a step", [...noisy(200), ...noisy(200, 50)]],
    ["a long disturbance", withAt(noisy(400), Object.fromEntries([...Array(9).keys()].map((i) => [200 + i, 20])))],
    ["noise", noisy(500)],
    ["a constant", Array<number>(100).fill(37)],
    ["few readings", [1, 1, 1, 90, 1]],
  ])("%s", (_, values) => {
    expect(withoutSpikes(values)).toEqual({ low: Math.min(...values), high: Math.max(...values), spikes: [] });
  });

  it("nothing at all has no range", () => expect(withoutSpikes([null, undefined])).toBeUndefined());
});
