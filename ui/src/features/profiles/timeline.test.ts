import { expect, it } from "vitest";
import { hoursOf, timeline, written } from "./timeline";

it.each([
  [1.5, 1.5],
  ["90m", 1.5],
  ["30S", 30 / 3600],
  ["2d", 48],
])("reads the time %j as %s h", (value, hours) => expect(hoursOf(value)).toBeCloseTo(hours));

it.each([
  [0.5, "30 min"],
  [4, "4 h"],
  [96, "4 d"],
])("writes %s h as %s", (hours, text) => expect(written(hours)).toBe(text));

it("puts the actions of all jobs and units in the order of time", () => {
  const steps = timeline({
    common: { jobs: { stirring: { actions: [{ type: "stop", t: "12h" }, { type: "start", t: 0, options: { target_rpm: 400 } }] } } },
    pioreactors: { r1: { jobs: { dosing_automation: { actions: [{ type: "when", hours_elapsed: 6, wait_until: "${{ ::od > 1 }}", actions: [{ type: "pause", t: 0 }] }] } } } },
  });
  expect(steps.map((step) => `${step.when} ${step.who} ${step.job}: ${step.what}`)).toEqual([
    "at the start all units stirring: start with target rpm 400",
    "after 6 h r1 dosing automation: when ${{ ::od > 1 }}: pause",
    "after 12 h all units stirring: stop",
  ]);
});

it("survives a file that could not be read", () => {
  expect(timeline({ experiment_profile_name: "broken" })).toEqual([]);
});
