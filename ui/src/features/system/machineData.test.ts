import { expect, it } from "vitest";
import { backupText, repairsOf, verifiedText } from "./MachineData";

it("names what a unit repaired", () => {
  expect(repairsOf({ w1: { ok: true, value: { done: ["made x"] } } }, "w1")).toEqual(["made x"]);
  expect(repairsOf({ w1: { ok: true, value: { done: [] } } }, "w1")).toEqual([]);
  expect(repairsOf(undefined, "w1")).toEqual([]);
});

it("a verified backup is told with its rows", () => {
  expect(verifiedText({ pioreactor_unit: "w1", name: "a.sqlite", rows: 7 })).toBe("a.sqlite is whole: 7 rows.");
});

it("a backup is told with its copies and what went wrong", () => {
  const made = { name: "a.sqlite", rows: 7, workers: ["w1"], problems: ["w2 has no copy: it is away."] };
  expect(backupText(made)).toBe("Backed up 7 rows as a.sqlite, also on w1. w2 has no copy: it is away.");
});
