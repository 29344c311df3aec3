import { describe, expect, it } from "vitest";
import { toCsv } from "./exporting";
import { seriesName } from "./sources";
import { inWords, summarize } from "./stretch";
import { factorOf } from "./wanted";

it("finds the growth rate and doubling time of an exponential", () => {
  const x = Array.from({ length: 100 }, (_, i) => i * 60);
  const y = x.map((s) => 0.1 * 2 ** (s / 3600 / 1.5));
  const found = summarize({ x, y }, 0, 6000);
  expect(found?.ratePerH).toBeCloseTo(Math.LN2 / 1.5, 6);
  expect(found && inWords(found, "biomass", 3)).toMatch(/^mean 0\.\d{3}, growth \+0\.462 \/h, doubles in 1\.5 h$/);
});

it("finds the mean and slope of a line, and no doubling of a falling one", () => {
  const x = [0, 900, 1800, 2700, 3600];
  const found = summarize({ x, y: [3, 2.75, 2.5, 2.25, 2] }, 0, 7200);
  expect(found).toMatchObject({ n: 5, mean: 2.5 });
  expect(found?.slopePerH).toBeCloseTo(-1);
  expect(found && inWords(found, "other", 1)).toBe("mean 2.5, −1.00 per hour");
  expect(found && inWords(found, "biomass", 1)).not.toContain("doubles");
});

describe("a slope means something or is not shown", () => {
  const x = Array.from({ length: 200 }, (_, i) => i * 5);
  const noise = (i: number): number => Math.sin(i * 12.9898) * Math.cos(i * 78.233);
  it.each([
    ["a held temperature", x.map((_, i) => 37 + 0.1 * noise(i)), "other"],
    ["a held turbidity", x.map((_, i) => 1.6 + 0.02 * noise(i)), "biomass"],
    ["a constant", x.map(() => 5), "other"],
    ["a growth rate, rising though it may be", x.map((_, i) => 0.5 + i / 1000), "rate"],
  ] as const)("not of %s", (_, y, quantity) => {
    const found = summarize({ x, y: [...y] }, 0, 1000);
    expect(found && inWords(found, quantity, 2)).toMatch(/^mean [\d.]+$/);
  });

  it("not of fewer than five points", () =>
    expect(summarize({ x: [0, 60, 120], y: [1, 2, 3] }, 0, 200)).toMatchObject({
      slopePerH: undefined,
      ratePerH: undefined,
    }));
});

it("says nothing of a stretch with one point", () => {
  expect(summarize({ x: [0, 10], y: [1, 2] }, 5, 20)).toBeUndefined();
});

it("writes only the visible stretch to CSV, with names quoted", () => {
  const csv = toCsv([{ name: "a,b", x: [0, 3600, 7200], y: [1, 2, 3] }], "OD", 0, [3000, 4000]);
  expect(csv).toBe('timestamp,hours_since_start,series,OD\n1970-01-01T01:00:00.000Z,1.00000,"a,b",2\n');
});

it.each([
  ["per_hour_to_per_day", 24],
  ["percent", 100],
  ["none", 1],
  [undefined, 1],
])("multiplies by what %s means", (name, factor) => expect(factorOf(name)).toBe(factor));

it("names the series of a message", () => {
  expect(seriesName("pioreactor/u/e/od_reading/od2", '{"channel":"2","od":0.1}', "channel")).toBe("u-2");
  expect(seriesName("pioreactor/u/e/temperature_automation/temperature", '{"temperature":37}', null)).toBe("u");
  expect(seriesName("pioreactor/u/e/od_reading/od2", "0.1", "channel")).toBeUndefined();
  expect(seriesName("elsewhere", "", null)).toBeUndefined();
});
