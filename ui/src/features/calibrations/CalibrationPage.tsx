/** One calibration: its fit, its curve, the conditions that it holds for, and the others of its device over time. */

import { Button, Group, SegmentedControl } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { get, path } from "@/api/client";
import { save } from "@/charts/exporting";
import { useUnitStrokes } from "@/charts/useLines";
import { moment, secondsOf } from "@/parts/format";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { pageOf } from "./Coverage";
import { CurvePlot, type Shown } from "./CurvePlot";
import css from "./calibrations.module.css";
import { type Calibration, formula, type Gathered, gather } from "./curve";
import { DeleteDialog, type Kept } from "./DeleteDialog";
import { axisLabel, conditionsOf } from "./judgment";
import { KeptResult } from "./KeptResult";
import { useKeptCurves } from "./keptCurves";
import type { Scale } from "./Scatter";
import { deviceName } from "./session";
import { SVG, standalone } from "./standalone";
import { useUse } from "./useUse";

export function CalibrationPage() {
  const { unit = "", device = "", name = "" } = useParams();
  const { data, error, isPending } = useKeptCurves<Gathered>("calibrations", gather);
  const ofDevice = (data?.calibrations ?? []).filter((one) => one.pioreactor_unit === unit && one.device === device);
  const shown = ofDevice.find((one) => one.calibration_name === name);
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
      {silent && <Problem error={`${unit} did not say which calibrations it has: ${silent.why}.`} />}
      {isPending ? (
        <Waiting what={`the calibration from ${unit}`} />
      ) : shown ? (
        <One shown={shown} ofDevice={ofDevice} />
      ) : (
        !silent && !error && <Empty title={`${unit} has no calibration ${name} of ${deviceName(device)}.`} />
      )}
    </>
  );
}

function One({ shown, ofDevice }: { shown: Calibration; ofDevice: readonly Calibration[] }) {
  const navigate = useNavigate();
  const { strokeOf } = useUnitStrokes();
  const { use, busy, error, refresh, dialog } = useUse("calibrations");
  const [deleting, setDeleting] = useState<Kept>();
  const { pioreactor_unit: unit, device, calibration_name: name, is_active } = shown;
  const stroke = strokeOf(unit);
  const others = ofDevice.filter((one) => one !== shown);
  return (
    <div className={css.sections}>
      <section className={`panel ${css.device}`} aria-label="Curve">
        <div className={css.both}>
          <Picture
            calibration={shown}
            shown={[
              ...others.map((calibration) => ({ calibration: { ...calibration, is_active: false }, stroke })),
              { calibration: { ...shown, is_active: true }, stroke },
            ]}
          />
          <KeptResult
            unit={unit}
            name={name}
            inUse={is_active}
            judgment={shown.judgment}
            facts={factsOf(shown)}
            error={error}
            busy={busy}
            onUse={() => use({ unit, device, name, inUse: is_active, doubts: shown.judgment?.doubts ?? [] })}
            onDelete={() => setDeleting({ kind: "calibrations", unit, device, name, isActive: is_active })}
          />
        </div>
      </section>
      <History of={ofDevice} shown={shown} />
      <Points calibration={shown} />
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

/** The curves, on linear or logarithmic axes, and what is saved of them. */
function Picture({ calibration, shown }: { calibration: Calibration; shown: readonly Shown[] }) {
  const { pioreactor_unit: unit, device, calibration_name: name, recorded_data } = calibration;
  const [scale, setScale] = useState<Scale>("linear");
  const drawn = useRef<SVGSVGElement>(null);
  const canBeLog = [recorded_data.x, recorded_data.y].every((values) => values.some((value) => value > 0));
  const saving = useMutation({
    mutationFn: () => get<string>(path("api", "workers", unit, "calibrations", device, name, "file")),
    onSuccess: (text) => save(`${name}.yaml`, new Blob([text], { type: "application/yaml" })),
  });
  return (
    <div>
      <CurvePlot shown={shown} scale={scale} ref={drawn} />
      <Group gap="xs">
        <SegmentedControl
          size="xs"
          aria-label="Axes"
          disabled={!canBeLog}
          data={[
            { value: "linear", label: "Linear" },
            { value: "log", label: "Logarithmic" },
          ]}
          value={scale}
          onChange={(value) => setScale(value as Scale)}
        />
        <Button
          variant="default"
          size="xs"
          onClick={() => drawn.current && save(`${name}.svg`, new Blob([standalone(drawn.current)], { type: SVG }))}
        >
          Save picture
        </Button>
        <Button variant="default" size="xs" loading={saving.isPending} onClick={() => saving.mutate()}>
          Save YAML
        </Button>
      </Group>
      {saving.error && <Problem error={saving.error} />}
    </div>
  );
}

function factsOf(one: Calibration): [string, string][] {
  return [
    ["Made", moment(secondsOf(one.created_at))],
    ...(one.calibrated_on_pioreactor_unit === one.pioreactor_unit
      ? []
      : [["Made on", one.calibrated_on_pioreactor_unit] as [string, string]]),
    ["Curve", formula(one.curve_data_)],
    ...conditionsOf(one),
  ];
}

function History({ of, shown }: { of: readonly Calibration[]; shown: Calibration }) {
  return (
    <section className={`panel ${css.device}`} aria-label="History">
      <h2>History</h2>
      <div className={css.tableBox} tabIndex={0}>
        <table className="plain">
          <caption className="soft small">
            Calibrations of {deviceName(shown.device)} of {shown.pioreactor_unit}, the newest first
          </caption>
          <thead>
            <tr>
              {["Name", "Made", "Fit", "Against the one in use", ""].map((one, i) => (
                <th key={i} scope="col">
                  {one}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {of.map((one) => (
              <tr key={one.calibration_name}>
                <td>
                  {one === shown ? (
                    <strong>{one.calibration_name}</strong>
                  ) : (
                    <Link to={pageOf(one)}>{one.calibration_name}</Link>
                  )}
                </td>
                <td>{moment(secondsOf(one.created_at))}</td>
                <td>{one.judgment?.grade ?? "not known"}</td>
                <td className="num">{typeof one.judgment?.ratio === "number" ? `${one.judgment.ratio} ×` : "–"}</td>
                <td>{one.is_active ? "In use" : ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Points({ calibration: { recorded_data, x, y } }: { calibration: Calibration }) {
  if (recorded_data.x.length === 0) return null;
  return (
    <section className={`panel ${css.device}`} aria-label="Recorded points">
      <h2>Recorded points</h2>
      <div className={css.tableBox} tabIndex={0}>
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{axisLabel(x)}</th>
              <th scope="col">{axisLabel(y)}</th>
            </tr>
          </thead>
          <tbody>
            {recorded_data.x.map((at, i) => (
              <tr key={i}>
                <td className="num">{Number(at.toPrecision(5))}</td>
                <td className="num">{Number((recorded_data.y[i] ?? 0).toPrecision(5))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
