/** The estimators of all units: what each was made from, and which is in use. */

import { type Ref, useState } from "react";
import { Swatch } from "@/charts/Legend";
import { stroke } from "@/charts/palette";
import { useUnitStrokes } from "@/charts/useLines";
import { moment, plain, secondsOf } from "@/parts/format";
import { Problem } from "@/parts/Problem";
import css from "./calibrations.module.css";
import { DeleteDialog, type Kept } from "./DeleteDialog";
import { type Estimator, estimatorPage, estimatorsIn, lineOf, rangeOf } from "./estimator";
import { Fit } from "./Fit";
import { CurveActions, CurveName } from "./KeptCurve";
import { useKeptCurves } from "./keptCurves";
import { Scatter } from "./Scatter";
import { deviceName } from "./session";
import { useUse } from "./useUse";

export function useEstimators() {
  return useKeptCurves("estimators", estimatorsIn);
}

export function Estimators({ estimators }: { estimators: readonly Estimator[] }) {
  const [deleting, setDeleting] = useState<Kept>();
  const { use, busy, error, refresh, dialog } = useUse("estimators");
  return (
    <>
      {error ? <Problem error={error} /> : null}
      {[...new Set(estimators.map((one) => one.device))].map((device) => (
        <section key={device} className={`panel ${css.device}`} aria-label={deviceName(device)}>
          <h2>{deviceName(device)}</h2>
          <ul className={css.list} aria-label={`Estimators of ${deviceName(device)}`}>
            {estimators
              .filter((one) => one.device === device)
              .map((one) => (
                <li key={`${one.pioreactor_unit}/${one.estimator_name}`} className={css.estimator}>
                  <Curves estimator={one} />
                  <Words
                    estimator={one}
                    busy={busy}
                    onUse={() =>
                      use({
                        unit: one.pioreactor_unit,
                        device,
                        name: one.estimator_name,
                        inUse: one.is_active,
                        doubts: one.judgment?.doubts ?? [],
                      })
                    }
                    onDelete={() =>
                      setDeleting({
                        kind: "estimators",
                        unit: one.pioreactor_unit,
                        device,
                        name: one.estimator_name,
                        isActive: one.is_active,
                      })
                    }
                  />
                </li>
              ))}
          </ul>
        </section>
      ))}
      {dialog}
      <DeleteDialog kept={deleting} onClose={() => setDeleting(undefined)} onDeleted={refresh} />
    </>
  );
}

export function Curves({ estimator, ref }: { estimator: Estimator; ref?: Ref<SVGSVGElement> }) {
  const { dark } = useUnitStrokes();
  const series = estimator.angles.map((angle, i) => ({
    id: angle,
    ...lineOf(estimator, angle),
    stroke: stroke(i, dark),
    faint: !estimator.is_active,
  }));
  return (
    <figure className={css.measured}>
      <figcaption className={css.measuredHead}>
        {series.map((one) => (
          <span key={one.id} className={css.name}>
            <Swatch stroke={one.stroke} />
            {one.id}°
          </span>
        ))}
      </figcaption>
      <Scatter xLabel="log10 OD600" yLabel="ln reading" series={series} {...(ref ? { ref } : {})} />
    </figure>
  );
}

function Words({
  estimator,
  busy,
  onUse,
  onDelete,
}: {
  estimator: Estimator;
  busy: boolean;
  onUse: () => void;
  onDelete: () => void;
}) {
  const { estimator_name: name, pioreactor_unit: unit, is_active } = estimator;
  const [low, high] = rangeOf(estimator);
  return (
    <div>
      <CurveName name={name} inUse={is_active} to={estimatorPage(estimator)} />
      <p className="soft small">
        {unit}, {moment(secondsOf(estimator.created_at))}
      </p>
      <p className="soft small num">
        OD600 {plain(Number(low.toPrecision(3)))} to {plain(Number(high.toPrecision(3)))}
      </p>
      <Fit judgment={estimator.judgment} />
      <CurveActions name={name} unit={unit} inUse={is_active} busy={busy} onUse={onUse} onDelete={onDelete} />
    </div>
  );
}
