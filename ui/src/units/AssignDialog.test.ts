import { expect, it } from "vitest";
import { changes } from "./AssignDialog";

it("asks only for what differs, leavers first", () => {
  expect(changes(new Set(["a", "b"]), new Set(["b", "c"]))).toEqual([
    { unit: "a", assign: false },
    { unit: "c", assign: true },
  ]);
  expect(changes(new Set(["a"]), new Set(["a"]))).toEqual([]);
});
