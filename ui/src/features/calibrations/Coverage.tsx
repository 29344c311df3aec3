/** Units × devices: what is in use and how old it is, what is kept, and what is missing. */

import { Link } from "react-router";
import { useNow } from "@/live/hooks";
import { count, duration, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import css from "./calibrations.module.css";
import type { Calibration } from "./curve";
import { deviceName } from "./session";

const USUAL = ["media_pump", "waste_pump", "alt_media_pump", "stirring", "od90"];

export const pageOf = ({
  pioreactor_unit: unit,
  device,
  calibration_name: name,
}: Pick<Calibration, "pioreactor_unit" | "device" | "calibration_name">): string =>
  `/calibrations/${[unit, device, name].map(encodeURIComponent).join("/")}`;

export function Coverage({
  units,
  silent,
  calibrations,
}: {
  units: readonly string[];
  /** Units that did not answer. */
  silent: ReadonlySet<string>;
  calibrations: readonly Calibration[];
}) {
  const nowS = useNow(60);
  const devices = [...new Set([...USUAL, ...calibrations.map((one) => one.device)])];
  if (units.length === 0) return null;
  return (
    <section className={`panel ${css.device}`} aria-label="Coverage">
      <h2>Coverage</h2>
      <div className={css.tableBox} tabIndex={0}>
        <table className="plain">
          <caption className="soft small">What is in use on each unit, and how long ago it was made</caption>
          <thead>
            <tr>
              <th scope="col">Unit</th>
              {devices.map((device) => (
                <th key={device} scope="col">
                  {deviceName(device)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {units.map((unit) => (
              <tr key={unit}>
                <th scope="row">{unit}</th>
                {devices.map((device) => (
                  <td key={device}>
                    {silent.has(unit) ? (
                      <span className="soft">Not known</span>
                    ) : (
                      <Cell
                        unit={unit}
                        device={device}
                        kept={calibrations.filter((one) => one.pioreactor_unit === unit && one.device === device)}
                        nowS={nowS}
                      />
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Cell({
  unit,
  device,
  kept,
  nowS,
}: {
  unit: string;
  device: string;
  kept: readonly Calibration[];
  nowS: number;
}) {
  const active = kept.find((one) => one.is_active);
  if (active) {
    const doubtful = (active.judgment?.doubts.length ?? 0) > 0;
    return (
      <Link to={pageOf(active)} className={css.cell}>
        <Icon name={doubtful ? "lost" : "check"} size={13} />
        {ageOf(active.created_at, nowS)}
        {doubtful && ", doubtful"}
      </Link>
    );
  }
  const url = `unit=${encodeURIComponent(unit)}&device=${encodeURIComponent(device)}`;
  if (kept.length > 0)
    return (
      <Link to={`/calibrations?${url}`} className={css.cell}>
        {count(kept.length, "kept", "kept")}, none in use
      </Link>
    );
  return (
    <Link
      to={`/calibrations/new?${url}`}
      className={css.cell}
      aria-label={`Missing: calibrate ${deviceName(device)} of ${unit}`}
    >
      Missing
    </Link>
  );
}

const DAY_S = 86_400;

/** How old, in the largest unit that says something. */
export function ageOf(created: string, nowS: number): string {
  const ageS = Math.max(0, nowS - secondsOf(created));
  const days = Math.floor(ageS / DAY_S);
  if (days >= 1) return `${count(days, "day")} old`;
  return ageS < 60 ? "new" : `${duration(ageS)} old`;
}
