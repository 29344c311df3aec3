/** Estimators as units publish them: one quantity out of the light scattered at several angles. */

import { type Curve, keptBy } from "./curve";
import { type Judgment, judgmentIn } from "./judgment";

export interface Estimator {
  estimator_name: string;
  created_at: string;
  angles: string[];
  mu_splines: Record<string, Curve>;
  min_logc: number;
  max_logc: number;
  recorded_data: { by_angle?: Record<string, { x: number[]; y: number[] }> };
  is_active: boolean;
  pioreactor_unit: string;
  device: string;
  /** Undefined for those of units of an earlier version. */
  judgment: Judgment | undefined;
}

/** The estimators that can be drawn; plugins may bring other kinds. */
export const estimatorsIn = (result: unknown): { estimators: Estimator[]; silent: { unit: string; why: string }[] } => {
  const { kept, silent } = keptBy<Estimator>(result);
  const drawn = kept.filter((one) => Array.isArray(one.angles) && typeof one.mu_splines === "object");
  return { estimators: drawn.map((one) => ({ ...one, judgment: judgmentIn(one.judgment) })), silent };
};

/** Points and curve of one angle, both in logarithms as they are fitted. */
export function lineOf(estimator: Estimator, angle: string): { x: number[]; y: number[]; curve: Curve | undefined } {
  const { x = [], y = [] } = estimator.recorded_data.by_angle?.[angle] ?? {};
  const curve = estimator.mu_splines[angle];
  const points = x
    .map((od, i): [number, number] => [Math.log10(od), Math.log(y[i] ?? NaN)])
    .filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
  return { x: points.map(([a]) => a), y: points.map(([, b]) => b), curve };
}

/** The range in which it can tell densities apart. */
export const rangeOf = ({ min_logc, max_logc }: Estimator): [low: number, high: number] => [
  10 ** min_logc,
  10 ** max_logc,
];

/** Address of the page of one estimator. */
export const estimatorPage = ({
  pioreactor_unit: unit,
  device,
  estimator_name: name,
}: Pick<Estimator, "pioreactor_unit" | "device" | "estimator_name">): string =>
  `/calibrations/estimators/${[unit, device, name].map(encodeURIComponent).join("/")}`;

/** Recorded points of all angles by OD600, the lowest first: what each angle read, in the order of the angles. */
export function recordedBy(estimator: Estimator): { od: number; readings: (number | undefined)[] }[] {
  const { by_angle: byAngle = {} } = estimator.recorded_data;
  const rows: { od: number; readings: (number | undefined)[] }[] = [];
  estimator.angles.forEach((angle, column) => {
    const { x = [], y = [] } = byAngle[angle] ?? {};
    x.forEach((od, i) => {
      // Readings of one standard have one place in the list of each angle.
      let row = rows.find((one) => one.od === od && one.readings[column] === undefined);
      if (!row) {
        row = { od, readings: estimator.angles.map(() => undefined) };
        rows.push(row);
      }
      row.readings[column] = y[i];
    });
  });
  return rows.sort((a, b) => a.od - b.od);
}
