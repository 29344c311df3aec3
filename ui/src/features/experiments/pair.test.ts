import { expect, it } from "vitest";
import type { Experiment } from "@/api/types";
import { comparing, pairOf } from "./pair";

const experiments = ["old", "new", "newer"].map(
  (experiment, day) => ({ experiment, created_at: `2026-01-0${day + 1}T00:00:00Z` }) as Experiment,
);
const pair = (query: string, current?: string) => pairOf(new URLSearchParams(query), experiments, current);

it("compares what the address names", () => {
  expect(pair("a=old&b=new", "newer")).toEqual(["old", "new"]);
  expect(comparing("/experiments/compare", "a & b")).toBe("/experiments/compare?a=a+%26+b");
});

it("completes the pair with the experiment shown now, or else with the newest other one", () => {
  expect(pair("a=old", "new")).toEqual(["old", "new"]);
  expect(pair("a=new", "new")).toEqual(["new", "newer"]);
  expect(pair("b=new", "new")).toEqual(["newer", "new"]);
  expect(pair("", "old")).toEqual(["old", "newer"]);
  expect(pair("")).toEqual(["newer", "new"]);
});
