import { expect, it } from "vitest";
import { isUsed, knownTo, type LabBenchState } from "./labBench";

const culture: LabBenchState = {
  vial: "culture",
  standard_od: null,
  volume_ml: 14,
  tubes: "vial",
  cup_ml: 0,
  lens_turns: 0,
};
const standard: LabBenchState = { ...culture, vial: "standard", standard_od: 0.5 };
const cup: LabBenchState = { ...culture, tubes: "cup", cup_ml: 0.913 };

it("fills a form with the standard that is in, and with nothing while the culture is", () => {
  const offer = { vial: { od: 2, field: "od600" } };
  expect(knownTo(offer, standard, true)).toEqual({ od600: "0.5" });
  expect(knownTo(offer, culture, true)).toEqual({});
  expect(knownTo({ vial: { od: 2 } }, standard, true)).toEqual({});
  expect(knownTo(offer, undefined, true)).toEqual({});
});

it("fills a form with the scale only after it was read anew, and where the tubes lead there", () => {
  const offer = { cup: { field: "volume_ml" } };
  expect(knownTo(offer, cup, true)).toEqual({ volume_ml: "0.913" });
  expect(knownTo(offer, cup, false)).toEqual({});
  expect(knownTo(offer, { ...cup, tubes: "vial" }, true)).toEqual({});
});

it("knows when something has to be put back", () => {
  expect([culture, standard, cup].map(isUsed)).toEqual([false, true, true]);
});
