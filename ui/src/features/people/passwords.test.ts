import { expect, it } from "vitest";
import { nameFault, passwordFault } from "./passwords";

it("takes the names and passwords that the leader takes", () => {
  for (const name of ["ada", "a.b@c-d_1", "x".repeat(64)]) expect(nameFault(name)).toBeUndefined();
  for (const name of ["", "a b", "ä", "x".repeat(65), "a\n"]) expect(nameFault(name)).toBeDefined();
  expect(passwordFault("123456789")).toBe("At least 10 characters.");
  expect(passwordFault("1234567890")).toBeUndefined();
});
