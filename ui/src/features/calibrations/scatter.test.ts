import { expect, it } from "vitest";
import { axisOf, decades } from "./Scatter";

it("marks powers of ten, and numbers between them where there are few", () => {
  expect(decades(0.05, 30)).toEqual([0.1, 1, 10]);
  expect(decades(10, 30)).toEqual([10, 20]);
  expect(decades(12, 14)).toEqual([12, 14]);
});

it("leaves out of a logarithmic axis what it cannot show", () => {
  const axis = axisOf([0, 10, 1000], "log");
  expect([axis.shows(0), axis.shows(5), axis.shows(10)]).toEqual([false, false, true]);
  expect([axis.at(10), axis.at(100), axis.at(1000)]).toEqual([0, 0.5, 1]);
  expect(axisOf([2, 4], "linear").at(2)).toBe(0.5);
});
