import { expect, it } from "vitest";
import { NUMBERS, type NumberSource, staleAfterS } from "./numbers";

const [OD, GROWTH, TEMPERATURE] = NUMBERS as [NumberSource, NumberSource, NumberSource];

it.each([
  [OD, undefined, 20],
  [OD, 5, 20],
  [GROWTH, 30, 120],
  [TEMPERATURE, 5, 120],
])("looks old after a few missed readings (%#)", (number, intervalS, staleS) =>
  expect(staleAfterS(number, intervalS)).toBe(staleS),
);
