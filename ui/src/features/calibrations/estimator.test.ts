import { expect, it } from "vitest";
import { estimatorPage, estimatorsIn, lineOf, rangeOf, recordedBy } from "./estimator";

const one = {
  estimator_name: "fused",
  created_at: "2026-01-01T00:00:00Z",
  angles: ["90"],
  mu_splines: { "90": { type: "akima", knots: [-1, 0], coefficients: [[0, 1, 0, 0]] } },
  min_logc: -1,
  max_logc: 1,
  recorded_data: { by_angle: { "90": { x: [0.1, 1, 0], y: [Math.E, 1, 1] } } },
  is_active: true,
};

it("draws an estimator in logarithms, leaving out what has none", () => {
  const { estimators, silent } = estimatorsIn({
    a: { ok: true, unit: "a", value: { od_fused: [one, { estimator_name: "of a plugin", created_at: "" }] } },
    b: { ok: false, unit: "b" },
  });
  expect(estimators).toMatchObject([{ estimator_name: "fused", device: "od_fused", pioreactor_unit: "a" }]);
  expect(silent).toEqual([{ unit: "b", why: "no reason given" }]);
  const [estimator] = estimators;
  expect(estimator && lineOf(estimator, "90")).toEqual({ x: [-1, 0], y: [1, 0], curve: one.mu_splines["90"] });
  expect(estimator && lineOf(estimator, "45")).toEqual({ x: [], y: [], curve: undefined });
  expect(estimator && rangeOf(estimator)).toEqual([0.1, 10]);
});

it("puts the readings of a standard at all angles into one row, and repeats of it into rows of their own", () => {
  const estimator = {
    ...one,
    angles: ["45", "90"],
    recorded_data: { by_angle: { "45": { x: [1, 0.1, 1], y: [5, 2, 6] }, "90": { x: [1], y: [7] } } },
    pioreactor_unit: "a b",
    device: "od_fused",
    judgment: undefined,
  } as Parameters<typeof recordedBy>[0];
  expect(recordedBy(estimator)).toEqual([
    { od: 0.1, readings: [2, undefined] },
    { od: 1, readings: [5, 7] },
    { od: 1, readings: [6, undefined] },
  ]);
  expect(estimatorPage(estimator)).toBe("/calibrations/estimators/a%20b/od_fused/fused");
});
