import { expect, it } from "vitest";
import type { RuleInForce } from "@/api/types";
import { newAlarms } from "@/app/notify";
import { alarmReads, someAlarms } from "@/demo/alarms";
import { makeDemo } from "@/demo/demo";
import { fateOf } from "@/parts/AlarmLine";
import { numbersOf, sourceOf } from "./rules";

const rules = alarmReads(makeDemo().cluster, [])["/api/alarms/rules"]?.() as RuleInForce[];

it("offers the numbers of a condition with their units, also those that have no value yet", () => {
  const limit = rules.find(({ rule }) => rule.name === "too_warm") as RuleInForce;
  expect(numbersOf(limit)).toEqual([
    { key: "above", label: "Above [°C]", value: 39.5 },
    { key: "below", label: "Below [°C]", value: null },
    { key: "hysteresis", label: "Hysteresis [°C]", value: 0.5 },
  ]);
  expect(sourceOf(limit)).toBe("made by ada");
});

it("says what became of an alarm", () => {
  const [lost, , worn] = someAlarms(1_800_000_000);
  expect(lost && fateOf(lost)).toBe("");
  expect(worn && fateOf(worn)).toBe("acknowledged by ada: “tube is on order”");
});

it("notifies of severe alarms that are new, once", () => {
  const alarms = someAlarms(1_800_000_000);
  expect(newAlarms(alarms, new Set()).map(({ id }) => id)).toEqual([12]);
  expect(newAlarms(alarms, new Set([12]))).toEqual([]);
});
