/** What a step shows: a picture, what was measured so far, a table, what came out. */

import { Button } from "@mantine/core";
import { useReducedMotion } from "@mantine/hooks";
import { useEffect, useState } from "react";
import { path } from "@/api/client";
import { Swatch } from "@/charts/Legend";
import { stroke } from "@/charts/palette";
import { useUnitStrokes } from "@/charts/useLines";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./calibrations.module.css";
import { Fit } from "./Fit";
import { judgmentIn } from "./judgment";
import { useToggleUse } from "./keptCurves";
import {
  chartOf,
  imageOf,
  loadingImagesOf,
  resultOf,
  type Saved,
  type StepChart,
  type StepImage,
  type StepTable,
  savedBy,
  tableOf,
} from "./metadata";
import { Scatter } from "./Scatter";
import { deviceName, type Step } from "./session";

const NEXT_PICTURE_MS = 45;

export function StepView({ step, unit, pending }: { step: Step; unit: string; pending: boolean }) {
  const image = imageOf(step);
  const loading = loadingImagesOf(step);
  const chart = chartOf(step);
  const table = tableOf(step);
  const result = step.step_type === "result" ? resultOf(step) : [];
  return (
    <>
      {savedBy(step).map((saved) => (
        <SavedCurve key={`${saved.device}/${saved.name}`} saved={saved} unit={unit} />
      ))}
      {pending && loading.length > 0 ? <Film images={loading} /> : image && <Picture image={image} />}
      {chart && <Measured chart={chart} unit={unit} />}
      {table && <Table table={table} />}
      {result.length > 0 && (
        <dl className={css.result}>
          {result.map(([name, value]) => (
            <div key={name}>
              <dt className="soft small">{name}</dt>
              <dd className="num">{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

/** What was saved, how good it is, and the second yes that a doubtful one needs. */
function SavedCurve({ saved, unit }: { saved: Saved; unit: string }) {
  const { name, device, active } = saved;
  const judgment = judgmentIn(saved.judgment);
  const doubts = judgment?.doubts ?? [];
  const { toggle } = useToggleUse(saved.kind === "estimator" ? "estimators" : "calibrations");
  const inUse = active || toggle.isSuccess;
  return (
    <>
      <p className={inUse || doubts.length === 0 ? css.kept : css.notUsed} role="status">
        <Icon name={inUse || doubts.length === 0 ? "check" : "lost"} size={15} />
        {name} is saved for {deviceName(device)}
        {inUse ? " and in use from now on" : doubts.length > 0 ? ", and not in use" : ""}.
      </p>
      <Fit judgment={judgment} />
      {!inUse && doubts.length > 0 && (
        <Needs call={["PATCH", path("api", "workers", unit, "active_calibrations", device, name)]}>
          <Button
            mt="xs"
            variant="default"
            loading={toggle.isPending}
            onClick={() => toggle.mutate({ unit, device, name, inUse: false })}
          >
            Use {name} all the same
          </Button>
        </Needs>
      )}
      {toggle.error && <Problem error={toggle.error} />}
    </>
  );
}

function Picture({ image }: { image: StepImage }) {
  return (
    <figure className={css.picture}>
      <img src={image.src} alt={image.alt} />
      {image.caption && <figcaption className="soft small">{image.caption}</figcaption>}
    </figure>
  );
}

/** Pictures as a film while the unit is at it; the first of them for those who want nothing to move. */
function Film({ images }: { images: StepImage[] }) {
  const still = useReducedMotion();
  const [at, setAt] = useState(0);
  useEffect(() => {
    if (still) return;
    const timer = setInterval(() => setAt((before) => before + 1), NEXT_PICTURE_MS);
    return () => clearInterval(timer);
  }, [still]);
  const image = images[at % images.length];
  return image ? <Picture image={image} /> : null;
}

function Measured({ chart, unit }: { chart: StepChart; unit: string }) {
  const { dark, strokeOf } = useUnitStrokes();
  const series = chart.series.map((one, i) => ({
    id: one.id,
    label: one.label,
    x: one.points.map(({ x }) => x),
    y: one.points.map(({ y }) => y),
    curve: one.curve,
    stroke: chart.series.length === 1 ? strokeOf(unit) : stroke(i, dark),
  }));
  return (
    <figure className={css.measured}>
      <figcaption className={css.measuredHead}>
        <strong>{chart.title}</strong>
        {series.length > 1 &&
          series.map((one) => (
            <span key={one.id} className={css.name}>
              <Swatch stroke={one.stroke} />
              {one.label}
            </span>
          ))}
      </figcaption>
      <Scatter xLabel={chart.x_label} yLabel={chart.y_label} series={series} />
    </figure>
  );
}

function Table({ table }: { table: StepTable }) {
  if (table.rows.length === 0) return <p className="soft">{table.empty_message ?? "Nothing yet."}</p>;
  return (
    <div className={css.tableBox} tabIndex={0}>
      <table className="plain">
        {table.title && <caption className="soft small">{table.title}</caption>}
        <thead>
          <tr>
            {table.columns.map((one) => (
              <th key={one} scope="col">
                {one}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, i) => (
            <tr key={i}>
              {row.map((cell, j) => (
                <td key={j} className="num">
                  {String(cell)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
