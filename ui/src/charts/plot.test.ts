// @vitest-environment happy-dom

import { expect, it } from "vitest";
import { decimalsOf, labelStart, plotOptions, yRange } from "./plot";

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

it("does not let one spike flatten a chart", () => {
  const values = Array.from({ length: 300 }, (_, i) => (i === 150 ? 40 : 1 + 0.01 * Math.sin(i)));
  const paths = { linear: () => null, stepped: () => null };
  const options = plotOptions({
    lines: [{ name: "a", stroke: { color: "red", dash: [] }, visible: true }],
    axis: { range: () => [0, 300], style: "elapsed", startS: 0 } as never,
    log: false,
    stepped: false,
    decimals: 2,
    domain: null,
    width: 600,
    height: 200,
    syncKey: "x",
    onCursor: () => undefined,
    doses: () => [],
    bands: () => [],
    notes: () => [],
    paths,
  });
  const u = { series: [{ show: true }, { show: true }], data: [values.map((_, i) => i), values] };
  const range = options.scales?.y?.range as unknown as (plot: unknown) => [number, number];
  expect(range(u)[1]).toBeLessThan(1.1);
  expect(range(u)[0]).toBeGreaterThan(0.9);
});

it.each([
  ["in the middle", 300, 309],
  ["at the right end", 580, 531],
  ["at the left end", 60, 69],
  ["outside on the right", 640, 560],
])("keeps the label of a spike %s inside the plot", (_, mark, start) =>
  expect(labelStart(mark, 9, 40, 60, 600)).toBe(start),
);
