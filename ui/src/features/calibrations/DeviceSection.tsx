/** One device: its curves drawn together, and a line for each. */

import { Button } from "@mantine/core";
import { Swatch } from "@/charts/Legend";
import { useUnitStrokes } from "@/charts/useLines";
import { moment, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { CurvePlot } from "./CurvePlot";
import css from "./calibrations.module.css";
import { type Calibration, formula } from "./curve";
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
                <p className={css.name}>
                  <Swatch stroke={strokeOf(one.pioreactor_unit)} />
                  <strong>{one.calibration_name}</strong>
                  {one.is_active && (
                    <span className={css.active}>
                      <Icon name="check" size={13} />
                      In use
                    </span>
                  )}
                </p>
                <p className="soft small">
                  {one.pioreactor_unit}, {moment(secondsOf(one.created_at))}, {one.recorded_data.x.length} points
                </p>
                <p className="soft small num">{formula(one.curve_data_)}</p>
              </div>
              <div className={css.actions}>
                <Button
                  variant="default"
                  size="xs"
                  disabled={busy}
                  onClick={() => onUse(one)}
                  aria-label={`${one.is_active ? "Stop using" : "Use"} ${one.calibration_name} on ${one.pioreactor_unit}`}
                >
                  {one.is_active ? "Stop using" : "Use"}
                </Button>
                <Button
                  variant="subtle"
                  color="red"
                  c="var(--lost)"
                  size="xs"
                  onClick={() => onDelete(one)}
                  aria-label={`Delete ${one.calibration_name} of ${one.pioreactor_unit}`}
                >
                  Delete
                </Button>
              </div>
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}
