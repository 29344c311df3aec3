import { expect, it } from "vitest";
import type { Experiment } from "@/api/types";
import { found, tagsOf, wrongWith } from "./search";

const one = (experiment: string, worker_count: number, tags: string[] = []): Experiment => ({
  experiment,
  worker_count,
  tags,
  created_at: "",
  description: "Some words",
});
const all = [one("Yeast 1", 2, ["yeast"]), one("Algae", 0)];

it.each([
  [{ search: "YEAST", status: "", tag: "" }, ["Yeast 1"]],
  [{ search: "words", status: "inactive", tag: "" }, ["Algae"]],
  [{ search: "", status: "active", tag: "yeast" }, ["Yeast 1"]],
  [{ search: "none", status: "", tag: "" }, []],
])("finds %j", (query, names) => expect(found(all, query).map((each) => each.experiment)).toEqual(names));

it.each([
  ["Fine name (2)", undefined],
  ["", "Needs a name"],
  ["a/b", "A name cannot hold /"],
  ["100%", "A name cannot hold %"],
  ["current", "This name is reserved"],
  ["_testing_x", "This name is reserved"],
  ["Algae", "An experiment of this name exists"],
])("judges the name %j", (name, verdict) => expect(wrongWith(name, ["Algae"])).toBe(verdict));

it("keeps each tag once", () => expect(tagsOf("yeast, Yeast ,, ph ")).toEqual(["yeast", "ph"]));
