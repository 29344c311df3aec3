import { expect, it } from "vitest";
import { toCsv } from "./exporting";
import { factorOf, seriesName } from "./sources";
import { summarize } from "./stretch";

it("finds the doubling time of an exponential", () => {
  const x = Array.from({ length: 100 }, (_, i) => i * 60);
  const y = x.map((s) => 0.1 * 2 ** (s / 3600 / 1.5));
  expect(summarize({ x, y }, 0, 6000)?.doublingH).toBeCloseTo(1.5, 6);
});

it("finds the mean and slope of a line, and no doubling of a falling one", () => {
  const x = [0, 3600, 7200];
  const found = summarize({ x, y: [3, 2, 1] }, 0, 7200);
  expect(found).toMatchObject({ n: 3, mean: 2, doublingH: undefined });
  expect(found?.slopePerH).toBeCloseTo(-1);
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
