import { describe, expect, it } from "vitest";
import { align, gapOf, MAX_POINTS, SeriesTable, thin } from "./points";

const steps = (n: number, step = 5): number[] => Array.from({ length: n }, (_, i) => i * step);

describe("thin", () => {
  it("keeps peaks and order", () => {
    const y = steps(4000).map(() => 1);
    y[1234] = 9;
    y[2345] = -9;
    const { x, y: kept } = thin({ x: steps(4000), y });
    expect(kept).toHaveLength(2000);
    expect(kept).toContain(9);
    expect(kept).toContain(-9);
    expect([...x].sort((a, b) => a - b)).toEqual(x);
  });
});

describe("SeriesTable", () => {
  it("drops what is not newer: retained values and repeats", () => {
    const table = new SeriesTable();
    table.load([{ name: "a", x: [10, 20], y: [1, 2] }]);
    expect(table.append("a", 20, 2)).toBe(false);
    expect(table.append("a", 5, 0)).toBe(false);
    expect(table.append("a", 25, 3)).toBe(true);
    expect(table.series.get("a")?.x).toEqual([10, 20, 25]);
  });

  it("keeps live points that are newer than a history fetched meanwhile", () => {
    const table = new SeriesTable();
    table.append("a", 30, 3);
    table.append("b", 30, 4);
    table.load([{ name: "a", x: [10, 20], y: [1, 2] }]);
    expect(table.series.get("a")?.y).toEqual([1, 2, 3]);
    expect(table.series.get("b")?.y).toEqual([4]);
    expect(table.extent()).toEqual([10, 30]);
  });

  it("stays bounded while weeks of points arrive", () => {
    const table = new SeriesTable();
    for (let i = 0; i < 5 * MAX_POINTS; i++) table.append("a", i, i % 7);
    expect(table.series.get("a")?.x.length).toBeLessThanOrEqual(MAX_POINTS);
    expect(table.extent()).toEqual([0, 5 * MAX_POINTS - 1]);
  });
});

describe("align", () => {
  const view = (from: number, to: number, widthPx = 4000) => ({ from, to, widthPx });
  const near = (axis: number[], moment: number): number => axis.findIndex((one) => Math.abs(one - moment) < 1);

  it("tells a missing point from an interruption", () => {
    const x = [...steps(20), 1000, 1005];
    const [axis, a, b] = align(
      [
        { x, y: x.map(() => 1) },
        { x: [2, 7], y: [5, 6] },
      ],
      view(0, 1005),
    );
    expect(a?.[near(axis, (95 + 1000) / 2)]).toBeNull();
    expect(b?.[near(axis, 0)]).toBeUndefined();
    expect(b?.[near(axis, 7)]).toBe(6);
    expect(a?.[near(axis, 1005)]).toBe(1);
  });

  it("does not let another series bridge an interruption", () => {
    const x = [...steps(20), 1000, 1005];
    const other = steps(201);
    const [axis, a] = align(
      [
        { x, y: x.map(() => 1) },
        { x: other, y: other.map(() => 2) },
      ],
      view(0, 1005),
    );
    const inside = axis.map((moment, row) => (moment > 97 && moment < 998 ? a?.[row] : null));
    expect(new Set(inside)).toEqual(new Set([null]));
  });

  it("has rows for pixels, not for points, and keeps every spike", () => {
    const series = Array.from({ length: 30 }, (_, n) => {
      const x = steps(6000).map((moment) => moment + n / 7);
      const y = x.map(() => 1);
      y[1000 + n] = 9;
      return { x, y };
    });
    const [axis, ...columns] = align(series, view(0, 30_000, 700));
    expect(axis.length).toBeLessThan(7 * 700);
    for (const column of columns) expect(column).toContain(9);
    expect([...axis].sort((a, b) => a - b)).toEqual(axis);
  });

  it("moves no point by more than a pixel", () => {
    const x = [0, 1234.5, 29_999];
    const [axis, a] = align([{ x, y: [1, 2, 3] }], view(0, 30_000, 700));
    x.forEach((moment, i) =>
      expect(Math.abs((axis[a?.indexOf(i + 1) ?? -1] as number) - moment)).toBeLessThan(30_000 / 700),
    );
  });

  it("draws the line into a zoomed view from the points around it", () => {
    const x = steps(100, 60);
    const [axis] = align([{ x, y: x.map(() => 1) }], view(605, 650, 700));
    expect(axis).toHaveLength(2);
    expect(axis[0]).toBeLessThan(605);
    expect(axis[1]).toBeGreaterThan(650);
  });

  it("does not call a slow series interrupted", () => {
    expect(gapOf(steps(10, 600))).toBeGreaterThan(600);
    expect(gapOf([1, 100_000])).toBe(Infinity);
  });
});
