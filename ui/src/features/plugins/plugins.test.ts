import { expect, it } from "vitest";
import type { ListedPlugin } from "@/api/types";
import { bodyOf, byPlugin, linesOf, silent, stateText } from "./plugins";

const plugin = (name: string, more: Partial<ListedPlugin> = {}): ListedPlugin => ({
  name,
  version: "1.0",
  source: "entry_points",
  author: "Ada",
  description: "About.",
  homepage: "",
  key: name,
  state: "enabled",
  note: "",
  origin: "",
  installed_at: "",
  ...more,
});

it("groups what units have by plugin, and names the units that do not answer", () => {
  const answers = {
    b: { ok: true, unit: "b", value: [plugin("valve"), plugin("pump", { state: "failed" })] },
    a: { ok: true, unit: "a", value: [plugin("valve", { version: "1.1" })] },
    c: { ok: false, unit: "c" },
  };
  const found = byPlugin(answers);
  expect(found.map((one) => one.name)).toEqual(["pump", "valve"]);
  expect(found[1]?.units.map((one) => [one.unit, one.version])).toEqual([
    ["a", "1.1"],
    ["b", "1.0"],
  ]);
  expect(silent(answers)).toEqual(["c"]);
});

it("has a text for each state", () => {
  expect(stateText(plugin("a"))).toBe("in use");
  expect(stateText(plugin("a", { state: "restart" }))).toBe("restart needed");
});

it("asks for a package by name, or names the file that was sent", () => {
  expect(bodyOf({ name: " valve ", version: "", file: null })).toEqual({ args: ["valve"], options: {} });
  expect(bodyOf({ name: "valve", version: "1.2", file: null })).toEqual({
    args: ["valve"],
    options: { version: "1.2" },
  });
  const file = new File(["x"], "valve.py");
  expect(bodyOf({ name: "", version: "", file })).toEqual({ args: [], options: { source: "valve.py" } });
});

it("shows what a plugin brings, and nothing that it does not", () => {
  expect(linesOf({ jobs: ["valve"], tables: [] })).toEqual([["Jobs", ["valve"]]]);
});
