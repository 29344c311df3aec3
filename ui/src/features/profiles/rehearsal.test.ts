import { describe, expect, it } from "vitest";
import { REHEARSAL } from "@/demo/rehearsals";
import { about, bandOf, endOf, numberIn, rangeOf } from "./rehearsal";

const [unit] = REHEARSAL.units;

describe("a rehearsal", () => {
  it("has a band over the seconds since its start", () => {
    if (!unit) throw new Error("no unit");
    const { low, median, high } = bandOf(REHEARSAL, unit, "od");
    expect(median.x[0]).toBe(0);
    expect(median.x.at(-1)).toBe(24 * 3600);
    expect(low.y.every((value, i) => value <= (high.y[i] as number))).toBe(true);
  });

  it("says when a bottle is empty or full, and in how many runs", () => {
    const ends = { low: 19.8, median: 20.5, high: 21.9 };
    const bottle = { bottle: "media", used_ml: ends, size_ml: 300, ends_in_runs: 8, ends_at_h: ends };
    expect(endOf(bottle, 8)).toBe("empty after 19.8 to 21.9 h");
    expect(endOf({ ...bottle, bottle: "waste", ends_in_runs: 2 }, 8)).toBe("full after 19.8 to 21.9 h in 2 of 8 runs");
    expect(endOf({ ...bottle, ends_in_runs: 0, ends_at_h: null }, 8)).toBe("not empty");
    expect(endOf({ ...bottle, size_ml: null }, 8)).toContain("not known");
  });

  it("is said in a line", () => {
    expect(about(REHEARSAL)).toBe("8 runs of 24.0 h; the profile does not end.");
    expect(rangeOf({ low: 2, median: 2, high: 2 }, "h")).toBe("2.0 h");
  });

  it("takes a blank field as nothing", () => {
    expect(numberIn(" ")).toBeNull();
    expect(numberIn("0.5")).toBe(0.5);
  });
});
