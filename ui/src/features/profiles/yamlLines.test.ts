import { expect, it } from "vitest";
import { piecesOf } from "./yamlLines";

const of = (line: string, kind: string): string[] =>
  piecesOf(line)
    .filter((one) => one.kind === kind)
    .map(({ text }) => text.trim());

const EXPRESSION = ["$", "{{ ::od_reading:od2.od > 1 }}"].join("");

it.each([
  ["      - type: start # at once", ["type"], ["# at once"], []],
  ["  options: {target_rpm: 400, note: 'a: b # c'}", ["options", "target_rpm", "note"], [], []],
  [`  if: ${EXPRESSION}`, ["if"], [], [EXPRESSION]],
  ["# common: nothing", [], ["# common: nothing"], []],
  ["plain text", [], [], []],
])("takes %s apart", (line, keys, comments, expressions) => {
  const whole = piecesOf(line).map(({ text }) => text);
  expect(whole.join("")).toBe(line);
  expect(of(line, "key").map((key) => key.replace(/^[{,-] ?/, ""))).toEqual(keys);
  expect(of(line, "comment")).toEqual(comments);
  expect(of(line, "expression")).toEqual(expressions);
});
