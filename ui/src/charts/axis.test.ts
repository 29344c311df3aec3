import { describe, expect, it } from "vitest";
import { elapsed, SharedAxis, ticks } from "./axis";

const HOUR = 3600;

describe("ticks", () => {
  it("fall on round hours of the experiment", () => {
    expect(ticks([100, 100 + 24 * HOUR], 800, 100)).toEqual([0, 4, 8, 12, 16, 20, 24].map((h) => 100 + h * HOUR));
  });

  it("never crowd", () => {
    for (const span of [30, 900, 5 * HOUR, 40 * HOUR, 3000 * HOUR]) {
      expect(ticks([0, span], 400, 0).length).toBeLessThanOrEqual(6);
    }
  });
});

it("writes elapsed time at the grain of the view", () => {
  expect(elapsed(26 * HOUR, 24 * HOUR)).toBe("26 h");
  expect(elapsed(5400, 2 * HOUR)).toBe("1:30");
  expect(elapsed(65, 60)).toBe("0:01:05");
  expect(elapsed(-HOUR, 24 * HOUR)).toBe("−1 h");
});

describe("SharedAxis", () => {
  it("shows the last hours of whatever any chart has", () => {
    const axis = new SharedAxis();
    axis.covers("od", [0, 10 * HOUR]);
    axis.covers("temperature", [HOUR, 12 * HOUR]);
    expect(axis.range()).toEqual([0, 12 * HOUR]);
    axis.set({ window: 1 });
    expect(axis.range()).toEqual([11 * HOUR, 12 * HOUR]);
  });

  it("stays zoomed while points arrive, until reset", () => {
    const axis = new SharedAxis();
    axis.covers("od", [0, 10 * HOUR]);
    axis.set({ zoom: [HOUR, 2 * HOUR] });
    axis.covers("od", [0, 11 * HOUR]);
    expect(axis.range()).toEqual([HOUR, 2 * HOUR]);
    axis.set({ zoom: undefined });
    expect(axis.range()).toEqual([0, 11 * HOUR]);
  });

  it("notifies no subscriber when nothing changed", () => {
    const axis = new SharedAxis();
    let told = 0;
    axis.subscribe(() => told++);
    axis.covers("od", [0, 1]);
    axis.covers("od", [0, 1]);
    expect(told).toBe(1);
  });
});
