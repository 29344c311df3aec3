import { expect, it } from "vitest";
import { dilutionInWords } from "./dilutionText";

it("says the measured dilution rate where the culture tells it, else the nominal one", () => {
  expect(dilutionInWords(0.3333, 0.3012)).toBe("Diluted at 0.301 /h as measured, 0.333 /h by the pump's calibration");
  expect(dilutionInWords(0.3333, undefined)).toBe("Diluted at 0.333 /h by the pump's calibration");
  expect(dilutionInWords(undefined, undefined)).toBeUndefined();
});
