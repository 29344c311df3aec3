/** One device: its curves drawn together, and a line for each. */

import { Swatch } from "@/charts/Legend";
import { useUnitStrokes } from "@/charts/useLines";
import { moment, secondsOf } from "@/parts/format";
import { pageOf } from "./Coverage";
import { CurvePlot } from "./CurvePlot";
import css from "./calibrations.module.css";
import { type Calibration, formula } from "./curve";
import { Fit } from "./Fit";
import { CurveActions, CurveName } from "./KeptCurve";
import { deviceName } from "./session";

interface Props {
  device: string;
  calibrations: readonly Calibration[];
  busy: boolean;
  onUse: (calibration: Calibration) => void;
  onDelete: (calibration: Calibration) => void;
}

export function DeviceSection({ device, calibrations, busy, onUse, onDelete }: Props) {
  const { strokeOf } = useUnitStrokes();
  const name = deviceName(device);
  return (
    <section className={`panel ${css.device}`} aria-label={name}>
      <h2>{name}</h2>
      <div className={css.both}>
        <CurvePlot
          shown={calibrations.map((calibration) => ({ calibration, stroke: strokeOf(calibration.pioreactor_unit) }))}
        />
        <ul className={css.list} aria-label={`Calibrations of ${name}`}>
          {calibrations.map((one) => (
            <li key={`${one.pioreactor_unit}/${one.calibration_name}`}>
              <div className={css.words}>
                <CurveName name={one.calibration_name} inUse={one.is_active} to={pageOf(one)}>
                  <Swatch stroke={strokeOf(one.pioreactor_unit)} />
                </CurveName>
                <p className="soft small">
                  {one.pioreactor_unit}, {moment(secondsOf(one.created_at))}, {one.recorded_data.x.length} points
                </p>
                <p className="soft small num">{formula(one.curve_data_)}</p>
                <Fit judgment={one.judgment} />
              </div>
              <CurveActions
                name={one.calibration_name}
                unit={one.pioreactor_unit}
                inUse={one.is_active}
                busy={busy}
                onUse={() => onUse(one)}
                onDelete={() => onDelete(one)}
              />
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}
