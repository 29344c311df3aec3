import { expect, it } from "vitest";
import { decimalsFor, estimateOf, pumpInWords } from "./estimate";

const SAID =
  '{"growth_rate":0.86,"lower_95":0.83,"upper_95":0.89,"pump_gain":0.96,"pump_gain_sd":0.01,"outlier":false}';
const pump = (pumpGain: number, pumpGainSd: number): string | undefined =>
  pumpInWords({ rate: 1, half: 0.1, pumpGain, pumpGainSd });

it("reads the band, and refuses half an estimate", () => {
  const estimate = estimateOf(SAID);
  expect(estimate?.half).toBeCloseTo(0.03);
  expect(estimate?.pumpGain).toBe(0.96);
  expect(estimateOf('{"growth_rate":0.86,"lower_95":null,"upper_95":0.89}')).toBeUndefined();
  expect(estimateOf("null")).toBeUndefined();
  expect(estimateOf("0.86")).toBeUndefined();
});

it("says what the pump does only when it can tell", () => {
  expect(pump(0.96, 0.01)).toBe("The media pump moves 4 % less than calibrated (± 2 %).");
  expect(pump(1.2, 0.05)).toMatch(/20 % more/);
  expect(pump(0.96, 0.04)).toMatch(/matches its calibration \(± 8 %\)/);
  expect(pump(1.0, 0.15)).toBeUndefined();
});

it("never writes a band as zero", () => {
  expect((0.004).toFixed(decimalsFor(0.004))).toBe("0.004");
  expect(decimalsFor(0.03)).toBe(2);
});
