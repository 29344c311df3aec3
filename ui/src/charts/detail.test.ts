import { expect, it } from "vitest";
import { isThinned, withDetail } from "./detail";

const thin = { x: [0, 100, 200, 300, 400], y: [0, 1, 2, 3, 4] };

it("puts detail in place of what was thinned, and keeps what is around it and what is newer", () => {
  const detail = { x: [110, 150, 200, 290], y: [1.1, 9, 2, 2.9] };
  expect(withDetail(thin, detail, 105)).toEqual({
    x: [0, 100, 110, 150, 200, 290, 300, 400],
    y: [0, 1, 1.1, 9, 2, 2.9, 3, 4],
  });
  expect(withDetail(thin, { x: [350, 500], y: [3.5, 5] }, 301).x).toEqual([0, 100, 200, 300, 350, 500]);
});

it("changes nothing while there is no detail", () => {
  expect(withDetail(thin, undefined, 100)).toEqual(thin);
  expect(withDetail(thin, { x: [], y: [] }, 100)).toEqual(thin);
});

it("is in order whatever is zoomed into", () => {
  for (const [from, to] of [
    [-50, -10],
    [50, 60],
    [390, 900],
    [-1, 1000],
  ] as const) {
    const detail = { x: [from + 1, (from + to) / 2, to], y: [0, 0, 0] };
    const { x } = withDetail(thin, detail, from);
    expect(x).toEqual([...new Set(x)].sort((a, b) => a - b));
  }
});

it("asks only where the leader may have left points out", () => {
  const of = (points: number) => new Map([["a", { x: new Array(points).fill(0), y: [] }]]);
  expect(isThinned(of(172), 1400)).toBe(false);
  expect(isThinned(of(174), 1400)).toBe(true);
});
