/** One estimator: the curve of each angle, what it was fitted to, and its actions. */

import { Button } from "@mantine/core";
import { useRef, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { save } from "@/charts/exporting";
import { moment, plain, secondsOf } from "@/parts/format";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import css from "./calibrations.module.css";
import { formula } from "./curve";
import { DeleteDialog, type Kept } from "./DeleteDialog";
import { Curves, useEstimators } from "./Estimators";
import { type Estimator, rangeOf, recordedBy } from "./estimator";
import { KeptResult } from "./KeptResult";
import { deviceName } from "./session";
import { SVG, standalone } from "./standalone";
import { useUse } from "./useUse";

export function EstimatorPage() {
  const { unit = "", device = "", name = "" } = useParams();
  const { data, error, isPending } = useEstimators();
  const shown = data?.estimators.find(
    (one) => one.pioreactor_unit === unit && one.device === device && one.estimator_name === name,
  );
  const silent = data?.silent.find((one) => one.unit === unit);
  return (
    <>
      <PageHeader
        title={name}
        about={
          <>
            <span>
              {deviceName(device)} of {unit}
            </span>
            <Link to="/calibrations">To all calibrations</Link>
          </>
        }
      />
      {error && <Problem error={error} />}
      {silent && <Problem error={`${unit} did not say which estimators it has: ${silent.why}.`} />}
      {isPending ? (
        <Waiting what={`the estimator from ${unit}`} />
      ) : shown ? (
        <One shown={shown} />
      ) : (
        !silent && !error && <Empty title={`${unit} has no estimator ${name} of ${deviceName(device)}.`} />
      )}
    </>
  );
}

function One({ shown }: { shown: Estimator }) {
  const navigate = useNavigate();
  const { use, busy, error, refresh, dialog } = useUse("estimators");
  const [deleting, setDeleting] = useState<Kept>();
  const drawn = useRef<SVGSVGElement>(null);
  const { pioreactor_unit: unit, device, estimator_name: name, is_active } = shown;
  return (
    <div className={css.sections}>
      <section className={`panel ${css.device}`} aria-label="Curves">
        <div className={css.both}>
          <div>
            <Curves estimator={shown} ref={drawn} />
            <Button
              variant="default"
              size="xs"
              onClick={() => drawn.current && save(`${name}.svg`, new Blob([standalone(drawn.current)], { type: SVG }))}
            >
              Save picture
            </Button>
          </div>
          <KeptResult
            unit={unit}
            name={name}
            inUse={is_active}
            judgment={shown.judgment}
            facts={factsOf(shown)}
            error={error}
            busy={busy}
            onUse={() => use({ unit, device, name, inUse: is_active, doubts: shown.judgment?.doubts ?? [] })}
            onDelete={() => setDeleting({ kind: "estimators", unit, device, name, isActive: is_active })}
          />
        </div>
      </section>
      <Points estimator={shown} />
      {dialog}
      <DeleteDialog
        kept={deleting}
        onClose={() => setDeleting(undefined)}
        onDeleted={async () => {
          await refresh();
          void navigate("/calibrations");
        }}
      />
    </div>
  );
}

function factsOf(estimator: Estimator): [string, string][] {
  const [low, high] = rangeOf(estimator);
  return [
    ["Made", moment(secondsOf(estimator.created_at))],
    ["OD600", `${plain(Number(low.toPrecision(3)))} to ${plain(Number(high.toPrecision(3)))}`],
    ...estimator.angles.map((angle): [string, string] => {
      const curve = estimator.mu_splines[angle];
      return [`Curve of ${angle}°`, curve ? formula(curve) : "none"];
    }),
  ];
}

function Points({ estimator }: { estimator: Estimator }) {
  const rows = recordedBy(estimator);
  if (rows.length === 0) return null;
  return (
    <section className={`panel ${css.device}`} aria-label="Recorded points">
      <h2>Recorded points</h2>
      <div className={css.tableBox} tabIndex={0}>
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">OD600</th>
              {estimator.angles.map((angle) => (
                <th key={angle} scope="col">
                  Reading at {angle}°
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ od, readings }, i) => (
              <tr key={i}>
                <td className="num">{Number(od.toPrecision(5))}</td>
                {estimator.angles.map((angle, column) => (
                  <td key={angle} className="num">
                    {readings[column] === undefined ? "–" : Number(readings[column].toPrecision(5))}
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
