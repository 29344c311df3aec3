import { expect, it } from "vitest";
import { doubtOf } from "./VialOf";

it("doubts a vial that is too full for dosing, and an efflux tube that ends too high", () => {
  expect(doubtOf(19, 14, 18)).toContain("nothing is added until waste is removed");
  expect(doubtOf(14, 18.5, 18)).toContain("above 18 mL");
  expect(doubtOf(14, 14, 18)).toBeUndefined();
  expect(doubtOf(undefined, undefined, 18)).toBeUndefined();
});
