import { expect, it } from "vitest";
import { described } from "./rights";

it("says the role, and to what changes are limited", () => {
  expect(described({ role: "manager", units: null, experiments: null })).toBe("manager");
  expect(described({ role: "operator", units: ["b1", "b2"], experiments: null })).toBe("operator of b1, b2");
  expect(described({ role: "operator", units: ["b1"], experiments: ["A"] })).toBe("operator of b1; experiment A");
  expect(described({ role: "operator", units: [], experiments: null })).toBe("operator of no unit");
});
