/** What the units of the demonstration know about their pumps and light. */

import { type DemoCluster, iso } from "./cluster";
import { dice } from "./culture";

export function calibrations(cluster: DemoCluster): Record<string, unknown> {
  const answers = cluster.workers.map(({ pioreactor_unit: unit }, i) => {
    if (unit === "reactor-05")
      return [unit, { ok: false, unit, error: { kind: "connection_error", message: "it does not answer" } }];
    const roll = dice(i + 31);
    const slope = 0.95 + 0.3 * roll();
    const pump = (name: string, factor: number, is_active: boolean, daysAgo: number) => ({
      calibration_name: name,
      calibration_type: "simple_peristaltic_pump",
      calibrated_on_pioreactor_unit: unit,
      created_at: iso(cluster.now - daysAgo * 86_400),
      curve_data_: { type: "poly", coefficients: [slope * factor, 0] },
      x: "Duration",
      y: "Volume",
      recorded_data: {
        x: [0.8, 0.8, 1, 1, 1.1, 1.1],
        y: [0.8, 0.8, 1, 1, 1.1, 1.1].map((x) => x * slope * factor * (1 + 0.03 * (roll() - 0.5))),
      },
      is_active,
    });
    const od = [0, 0.1, 0.25, 0.5, 1, 2];
    return [
      unit,
      {
        ok: true,
        unit,
        value: {
          media_pump: [
            pump("media-2026-11", 1, true, 12),
            ...(i === 0 ? [pump("media-old-tubing", 0.8, false, 120)] : []),
          ],
          waste_pump: [pump("waste-2026-11", 1.3, true, 12)],
          od90: [
            {
              ...pump("yeast-od600", 1, i !== 2, 30),
              calibration_type: "od600",
              x: "OD600",
              y: "Voltage",
              curve_data_: { type: "poly", coefficients: [-0.028 * slope, 0.31 * slope, 0.004] },
              recorded_data: {
                x: od,
                y: od.map((x) => 0.004 + 0.31 * slope * x - 0.028 * slope * x * x + 0.006 * (roll() - 0.5)),
              },
            },
          ],
        },
      },
    ];
  });
  return Object.fromEntries(answers) as Record<string, unknown>;
}
