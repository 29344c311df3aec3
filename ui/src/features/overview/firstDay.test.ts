import { expect, it } from "vitest";
import { type Facts, stepsOf } from "./firstDay";

const NOTHING: Facts = {
  units: [],
  experiment: undefined,
  assigned: [],
  selfTests: new Map(),
  blanks: new Set(),
  calibrated: new Map(),
  stirs: new Set(),
  reads: new Set(),
};
const step = (facts: Partial<Facts>, title: RegExp) => {
  const found = stepsOf({ ...NOTHING, ...facts }).find((one) => title.test(one.title));
  if (!found) throw new Error(`no step ${title}`);
  return found;
};
const unit = (name: string) => ({ unit: name, hasModel: true, answers: true });

it("has nothing done in an empty cluster, and leads to the first unit and experiment", () => {
  expect(stepsOf(NOTHING).filter(({ isDone }) => isDone)).toEqual([]);
  expect(step({}, /Units/)).toMatchObject({ action: "Add a unit", to: "/inventory" });
  expect(step({}, /experiment/)).toMatchObject({ to: "/experiments?new=1" });
});

it("is done when every unit did it", () => {
  const facts: Facts = {
    units: [unit("a"), unit("b")],
    experiment: "e",
    assigned: ["a", "b"],
    selfTests: new Map([
      ["a", true],
      ["b", true],
    ]),
    blanks: new Set(["a", "b"]),
    calibrated: new Map(["a", "b"].map((one) => [one, ["stirring", "media_pump", "waste_pump", "od90"]])),
    stirs: new Set(["a", "b"]),
    reads: new Set(["a", "b"]),
  };
  expect(stepsOf(facts).filter(({ isDone }) => !isDone)).toEqual([]);
});

it("names the units that lack something, and leads to the first of them", () => {
  const units = [unit("a"), unit("b c"), { ...unit("d"), hasModel: false, answers: false }];
  expect(step({ units }, /answer/)).toMatchObject({ isDone: false, missing: ["d"] });
  expect(step({ units }, /model/)).toMatchObject({ missing: ["d"] });
  const selfTests = new Map([
    ["a", true],
    ["b c", false],
  ]);
  expect(step({ units, selfTests }, /self-test/)).toMatchObject({ missing: ["b c", "d"], to: "/pioreactors/b%20c" });
  const calibrated = new Map([["a", ["media_pump"]]]);
  expect(step({ units, calibrated }, /Pumps/)).toMatchObject({ missing: ["a", "b c", "d"], isOptional: true });
  expect(step({ units, calibrated: new Map([["a", ["od45"]]]) }, /Optical density is calibrated/).missing).toEqual([
    "b c",
    "d",
  ]);
  expect(step({ assigned: ["a", "b c"], blanks: new Set(["a"]) }, /blank/).missing).toEqual(["b c"]);
});
