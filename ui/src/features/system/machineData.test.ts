import { expect, it } from "vitest";
import { repairsOf } from "./MachineData";

it("names what a unit repaired", () => {
  expect(repairsOf({ w1: { ok: true, value: { done: ["made x"] } } }, "w1")).toEqual(["made x"]);
  expect(repairsOf({ w1: { ok: true, value: { done: [] } } }, "w1")).toEqual([]);
  expect(repairsOf(undefined, "w1")).toEqual([]);
});
