import { describe, expect, it } from "vitest";
import { type Curve, evaluate, formula, gather } from "./curve";

describe("evaluate", () => {
  it("takes coefficients from the highest power on", () => {
    expect(evaluate({ type: "poly", coefficients: [2, 0, -1] }, 3)).toBe(17);
  });

  it("reaches beyond the knots with the end pieces", () => {
    const spline: Curve = {
      type: "spline",
      knots: [0, 1, 2],
      coefficients: [
        [0, 1, 0, 0],
        [1, 2, 0, 0],
      ],
    };
    expect(evaluate(spline, -1)).toBe(-1);
    expect(evaluate(spline, 0.5)).toBe(0.5);
    expect(evaluate(spline, 1)).toBe(1);
    expect(evaluate(spline, 3)).toBe(5);
  });
});

it.each([
  [{ type: "poly", coefficients: [1.25, 0] }, "y = 1.25 x"],
  [{ type: "poly", coefficients: [-1, 0, 0.12345] }, "y = −1 x² + 0.1235"],
  [{ type: "poly", coefficients: [0] }, "y = 0"],
  [{ type: "akima", knots: [0, 1], coefficients: [[0, 0, 0, 0]] }, "Akima interpolation through 2 knots"],
] as [Curve, string][])("writes %j", (curve, text) => expect(formula(curve)).toBe(text));

it("keeps nine answers although one unit is silent", () => {
  const one = { calibration_name: "p", created_at: "2026-01-01", is_active: true };
  const { calibrations, silent } = gather({
    a: { ok: true, unit: "a", value: { media_pump: [one] } },
    b: { ok: false, unit: "b", error: { kind: "connection_error", message: "does not answer" } },
  });
  expect(calibrations).toMatchObject([{ device: "media_pump", pioreactor_unit: "a" }]);
  expect(silent).toEqual([{ unit: "b", why: "does not answer" }]);
});
