import { describe, expect, it } from "vitest";
import type { Cameras, Still } from "@/api/types";
import { camerasOf, nearest, placed, takenAt } from "./stills";

const at = (seconds: number): Still => ({
  experiment: "demo",
  captured_at: new Date(seconds * 1000).toISOString(),
  image_id: `s${seconds}`,
  capture_reason: "scheduled",
});
const every = (stepS: number, n: number): Still[] => Array.from({ length: n }, (_, i) => at(i * stepS));

describe("nearest", () => {
  it("finds the still that is closest to a moment, the later of two equal ones", () => {
    const stills = [at(0), at(100), at(200)];
    expect(nearest(stills, 140)?.image_id).toBe("s100");
    expect(nearest(stills, 150)?.image_id).toBe("s200");
    expect(nearest(stills, -9)?.image_id).toBe("s0");
    expect(nearest([], 1)).toBeUndefined();
  });
});

describe("placed", () => {
  it.each([
    [1, 3600, 3600],
    [60, 60, 3600],
    [600, 7, 3600],
    [37, 500, 20_000],
  ])("puts stills every %d s at their moments, none over another", (stepS, n, spanS) => {
    const found = placed(every(stepS, n), [0, spanS], 640, 54);
    expect(found.length).toBeGreaterThan(0);
    found.forEach(({ still, left }, i) => {
      expect(left).toBeGreaterThanOrEqual(0);
      expect(left + 54).toBeLessThanOrEqual(640);
      const moment = (takenAt(still) / spanS) * 640;
      expect(Math.abs(left + 27 - moment)).toBeLessThan(60);
      const before = found[i - 1];
      if (before) expect(left).toBeGreaterThanOrEqual(before.left + 54);
    });
  });

  it("shows only what is in the window", () => {
    const found = placed(every(60, 100), [1200, 1800], 300, 54);
    expect(found.every(({ still }) => takenAt(still) >= 1200 && takenAt(still) <= 1800)).toBe(true);
    expect(placed(every(60, 3), [9000, 9900], 300, 54)).toEqual([]);
  });
});

it("keeps the units that did not answer, with the reason", () => {
  const answer = {
    cameras: {
      worker10: { ok: false, unit: "worker10", error: { message: "no response" } },
      worker2: { ok: true, unit: "worker2", value: { unit: "worker2" } },
    },
  } as unknown as Cameras;
  const found = camerasOf(answer);
  expect(found.map(({ unit }) => unit)).toEqual(["worker2", "worker10"]);
  expect(found[1]?.problem).toBe("no response");
  expect(found[0]?.status?.unit).toBe("worker2");
});
