import { expect, it } from "vitest";
import { arrangementFor, selected } from "./selection";

const unit = (name: string) => ({ pioreactor_unit: name, is_active: 1, model_name: "pioreactor_20ml" });
const units = [unit("r1"), unit("r2"), unit("r3")];
const conditions = new Map([
  ["r1", { attention: false, running: true }],
  ["r2", { attention: true, running: true }],
]);
const names = (text: string, show: "all" | "attention" | "running" | "off"): string[] =>
  selected(units, { r3: "Wild type" }, conditions, { text, show }).map((one) => one.pioreactor_unit);

it("finds units by name, label and model", () => {
  expect(names("", "all")).toEqual(["r1", "r2", "r3"]);
  expect(names("wild", "all")).toEqual(["r3"]);
  expect(names("20ML", "all")).toHaveLength(3);
  expect(names("r1", "off")).toEqual([]);
});

it("shows the units in a condition", () => {
  expect(names("", "attention")).toEqual(["r2"]);
  expect(names("", "running")).toEqual(["r1", "r2"]);
  expect(names("", "off")).toEqual(["r3"]);
});

it("takes less room the more units there are", () => {
  expect([3, 6, 7, 12, 13, 30].map((n) => arrangementFor(n, false))).toEqual([
    "cards",
    "cards",
    "tiles",
    "tiles",
    "rows",
    "rows",
  ]);
  expect([1, 2, 3, 8, 9].map((n) => arrangementFor(n, true))).toEqual(["cards", "cards", "tiles", "tiles", "rows"]);
});
