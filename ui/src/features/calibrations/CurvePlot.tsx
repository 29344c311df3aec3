/** Curves of one device over each other, with the points they were made from. */

import type { Stroke } from "@/charts/palette";
import type { Calibration } from "./curve";
import { axisLabel } from "./judgment";
import { Scatter } from "./Scatter";

export interface Shown {
  calibration: Calibration;
  stroke: Stroke;
}

export function CurvePlot({ shown }: { shown: readonly Shown[] }) {
  const first = shown[0]?.calibration;
  return (
    <Scatter
      xLabel={axisLabel(first?.x ?? "")}
      yLabel={axisLabel(first?.y ?? "")}
      series={shown.map(({ calibration, stroke }) => ({
        id: `${calibration.pioreactor_unit}/${calibration.calibration_name}`,
        x: calibration.recorded_data.x,
        y: calibration.recorded_data.y,
        curve: calibration.curve_data_,
        stroke,
        faint: !calibration.is_active,
      }))}
    />
  );
}
