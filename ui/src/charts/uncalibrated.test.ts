import { expect, it } from "vitest";
import { isUncalibrated } from "@/live/calibrated";
import { uncalibratedWords } from "./uncalibrated";

it.each([
  ['{"calibrated":0,"od":0.1}', true],
  ['{"calibrated": 1, "od": 0.1}', false],
  ['{"od":0.1}', undefined],
  [undefined, undefined],
])("reads from %s whether a reading is uncalibrated", (payload, answer) =>
  expect(isUncalibrated(payload)).toBe(answer),
);

it("names the units when only some are uncalibrated", () => {
  expect(uncalibratedWords(["A", "B"], [true, true])).toBe("uncalibrated: the sensor's own signal");
  expect(uncalibratedWords(["A", "A", "B"], [true, true, false])).toBe("uncalibrated: A (the sensor's own signal)");
  expect(uncalibratedWords(["A", "B"], [true, undefined])).toBe("uncalibrated: the sensor's own signal");
  expect(uncalibratedWords(["A", "B"], [false, undefined])).toBeUndefined();
  expect(uncalibratedWords([], [])).toBeUndefined();
});
