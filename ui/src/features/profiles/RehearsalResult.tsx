/** What a rehearsal found: bands over time, bottles and hazards. */

import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type uPlot from "uplot";
import { get, path } from "@/api/client";
import type { ComparedQuantity, RehearsalForecast } from "@/api/types";
import { AxisContext, SharedAxis } from "@/charts/axis";
import { TimeChart } from "@/charts/TimeChart";
import { useUnitStrokes } from "@/charts/useLines";
import { legible } from "@/parts/format";
import { Problem } from "@/parts/Problem";
import { about, bandOf, endOf, nameOfBottle, QUANTITIES, type Quantity, rangeOf } from "./rehearsal";
import css from "./rehearsal.module.css";

interface Props {
  id: string;
  found: RehearsalForecast;
}

export default function RehearsalResult({ id, found }: Props) {
  const [axis] = useState(() => new SharedAxis());
  const lastS = (found.hours.at(-1) ?? 1) * 3600;
  useEffect(() => axis.covers("rehearsal", [0, lastS]), [axis, lastS]);
  return (
    <div className={css.result}>
      <p>{about(found)} Bands hold 90 % of the runs.</p>
      <Hazards found={found} />
      <Bottles found={found} />
      <AxisContext.Provider value={axis}>
        <div className={css.charts}>
          {QUANTITIES.map((quantity) => (
            <BandChart key={quantity.key} found={found} quantity={quantity} />
          ))}
        </div>
      </AxisContext.Provider>
      {found.notes.length > 0 && (
        <ul className="soft small">
          {found.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <Comparison id={id} experiment={found.experiment} />
    </div>
  );
}

function BandChart({ found, quantity }: { found: RehearsalForecast; quantity: Quantity }) {
  const strokes = useUnitStrokes();
  const plot = useRef<uPlot | null>(null);
  const shown = found.units.map((unit) => ({
    name: unit.name,
    stroke: strokes.strokeOf(unit.name),
    ...bandOf(found, unit, quantity.key),
  }));
  return (
    <section aria-label={quantity.title}>
      <h3>{quantity.title}</h3>
      <p className="soft small">
        At the end:{" "}
        {found.units
          .map(({ name, [quantity.key]: band }) => {
            const [low, median, high] = [band.low, band.median, band.high].map((values) => values.at(-1) ?? 0);
            return `${name} ${rangeOf({ low: low ?? 0, median: median ?? 0, high: high ?? 0 }, "", quantity.decimals).trim()}`;
          })
          .join("; ")}
      </p>
      <TimeChart
        title={quantity.title}
        lines={[...shown, ...shown, ...shown].map(({ name, stroke }, i) => ({
          name,
          stroke: i < shown.length ? stroke : UNSEEN,
          visible: true,
        }))}
        points={[...shown.map(({ median }) => median), ...shown.flatMap(({ low, high }) => [low, high])]}
        version={0}
        log={false}
        stepped={false}
        decimals={quantity.decimals}
        domain={quantity.domain}
        dark={strokes.dark}
        height={150}
        doses={NOTHING}
        notes={NOTHING}
        bands={shown.map(({ low, high, stroke }) => ({ low, high, color: stroke.color }))}
        onCursor={() => undefined}
        plotRef={plot}
      />
    </section>
  );
}

const NOTHING: readonly never[] = [];
/** Of the edges of a band, which are lines so that the chart is as high as the band. */
const UNSEEN = { color: "transparent", dash: [] };

function Bottles({ found }: { found: RehearsalForecast }) {
  const rows = found.units.flatMap((unit) => unit.bottles.map((bottle) => ({ unit: unit.name, bottle })));
  if (rows.length === 0) return <p className="soft">No liquid is pumped.</p>;
  return (
    <table className={css.table}>
      <caption>Bottles</caption>
      <thead>
        <tr>
          <th scope="col">Unit</th>
          <th scope="col">Bottle</th>
          <th scope="col">Used</th>
          <th scope="col">End</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ unit, bottle }) => (
          <tr key={`${unit} ${bottle.bottle}`}>
            <td>{unit}</td>
            <td>{nameOfBottle(bottle)}</td>
            <td className="num">{rangeOf(bottle.used_ml, "mL")}</td>
            <td>{endOf(bottle, found.runs)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Hazards({ found }: { found: RehearsalForecast }) {
  if (found.hazards.length === 0) return <p>No hazards were found.</p>;
  return (
    <table className={css.table}>
      <caption>Hazards</caption>
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col">Unit</th>
          <th scope="col">Line</th>
          <th scope="col">What happens, and what helps</th>
          <th scope="col">Runs</th>
        </tr>
      </thead>
      <tbody>
        {found.hazards.map((one) => (
          <tr key={`${one.kind} ${one.unit} ${one.path} ${one.message}`}>
            <td className="num">{legible(one.at_h, 2)} h</td>
            <td>{one.unit}</td>
            <td className="num">{one.line ?? ""}</td>
            <td className={css.message}>
              {one.message}
              <br />
              <span className="soft">{one.remedy}</span>
            </td>
            <td className="num">
              {one.runs} of {found.runs}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Comparison({ id, experiment }: { id: string; experiment: string }) {
  const comparing = useMutation({
    mutationFn: () => get<ComparedQuantity[]>(path("api", "experiments", experiment, "rehearsals", id, "comparison")),
  });
  return (
    <div>
      <Button variant="default" size="compact-sm" loading={comparing.isPending} onClick={() => comparing.mutate()}>
        Compare with what was recorded since
      </Button>
      {comparing.error && <Problem error={comparing.error} />}
      {comparing.data?.length === 0 && <p className="soft">Nothing was recorded since.</p>}
      {comparing.data && comparing.data.length > 0 && (
        <table className={css.table}>
          <caption>Forecast and record</caption>
          <thead>
            <tr>
              <th scope="col">Unit</th>
              <th scope="col">Quantity</th>
              <th scope="col">Forecast</th>
              <th scope="col">Recorded</th>
              <th scope="col">Within the band</th>
            </tr>
          </thead>
          <tbody>
            {comparing.data.map((row) => (
              <tr key={`${row.unit} ${row.quantity}`}>
                <td>{row.unit}</td>
                <td>{row.quantity.replaceAll("_", " ")}</td>
                <td className="num">{rangeOf({ low: row.low, median: row.forecast, high: row.high }, "", 2)}</td>
                <td className="num">{legible(row.recorded, 2)}</td>
                <td className="num">{row.within_band === null ? "" : `${Math.round(100 * row.within_band)} %`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
