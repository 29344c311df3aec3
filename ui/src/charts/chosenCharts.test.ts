import { expect, it } from "vitest";
import { chosenWith } from "./ChooseCharts";

it("adds a chart at its place, and takes one away", () => {
  const all = ["od", "growth", "temperature", "fraction"];
  expect(chosenWith(all, ["od", "temperature"], "growth", true)).toEqual(["od", "growth", "temperature"]);
  expect(chosenWith(all, ["od", "temperature"], "od", false)).toEqual(["temperature"]);
});
