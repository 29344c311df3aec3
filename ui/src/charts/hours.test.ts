import { expect, it } from "vitest";
import { readHours, writeHours } from "./hours";

it("writes a stretch of hours that it reads again", () => {
  expect(writeHours([9000, 25_200])).toBe("2.5-7");
  expect(readHours("2.5-7")).toEqual([9000, 25_200]);
  expect(readHours(writeHours([-360, 36]))).toEqual([-360, 36]);
});

it("reads nothing out of what is no stretch", () => {
  for (const text of ["", "7-2", "3", "a-b", "1-1", "1-2-3"]) expect(readHours(text)).toBeUndefined();
  expect(writeHours(undefined)).toBe("");
});
