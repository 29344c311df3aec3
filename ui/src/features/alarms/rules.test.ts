import { expect, it } from "vitest";
import type { AlarmConditions, ConditionKind, RuleInForce } from "@/api/types";
import { newAlarms } from "@/app/notify";
import { alarmReads, someAlarms } from "@/demo/alarms";
import { makeDemo } from "@/demo/demo";
import { fateOf } from "@/parts/AlarmLine";
import { conditionOf, labelOf, nameFor, numbersOf, sourceOf } from "./rules";

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

const conditions = alarmReads(makeDemo().cluster, [])["/api/alarms/conditions"]?.() as AlarmConditions;

it("makes a condition of what was given, and leaves what is blank to its default", () => {
  const [limit, state] = conditions.kinds as [ConditionKind, ConditionKind];
  expect(conditionOf(limit, { topic: "od_reading/od1", above: 2, below: "" })).toEqual({
    type: "limit",
    topic: "od_reading/od1",
    above: 2,
  });
  expect(conditionOf(state, { job: "stirring", states: "lost, disconnected," })).toEqual({
    type: "state",
    job: "stirring",
    states: ["lost", "disconnected"],
  });
  expect(labelOf("above", "°C")).toBe("Above [°C]");
  expect(labelOf("after_s", "°C")).toBe("After [s]");
});

it("names a rule after its title, as no other is named", () => {
  expect(nameFor("Größe: 3 mL?", [])).toBe("gro_e_3_ml");
  expect(nameFor("Too warm", ["too_warm", "too_warm_2"])).toBe("too_warm_3");
  expect(nameFor("42", [])).toBe("");
});
