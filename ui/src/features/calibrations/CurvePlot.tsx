/** Curves of one device over each other, with the points they were made from. */

import type { Ref } from "react";
import type { Stroke } from "@/charts/palette";
import type { Calibration } from "./curve";
import { axisLabel } from "./judgment";
import { type Scale, Scatter } from "./Scatter";

export interface Shown {
  calibration: Calibration;
  stroke: Stroke;
}

interface Props {
  shown: readonly Shown[];
  scale?: Scale;
  ref?: Ref<SVGSVGElement>;
}

export function CurvePlot({ shown, scale = "linear", ref }: Props) {
  const first = shown[0]?.calibration;
  return (
    <Scatter
      scale={scale}
      {...(ref === undefined ? {} : { ref })}
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
