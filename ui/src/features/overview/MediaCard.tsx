/** What flowed through each vial so far, and how fast lately: when a bottle will be empty. */

import { useQuery } from "@tanstack/react-query";
import { get, path } from "@/api/client";
import type { MediaRate } from "@/api/types";
import { useReading } from "@/live/hooks";
import { bioreactor } from "@/live/topics";
import { fixed } from "@/parts/format";
import { Problem } from "@/parts/Problem";
import css from "./overview.module.css";

interface Props {
  experiment: string;
  units: readonly string[];
  labels: Record<string, string>;
}

const rateWords = (rate: number | undefined): string => (rate === undefined ? "–" : fixed(rate, 2));

function Row({
  unit,
  name,
  experiment,
  rate,
}: {
  unit: string;
  name: string;
  experiment: string;
  rate: MediaRate | undefined;
}) {
  const media = useReading(bioreactor(unit, experiment, "cumulative_media_added_ml"))?.value;
  const alt = useReading(bioreactor(unit, experiment, "cumulative_alt_media_added_ml"))?.value;
  const cell = (ml: number | undefined): string => (ml === undefined ? "–" : fixed(ml, 1));
  return (
    <tr>
      <th scope="row">{name}</th>
      <td className="num right">{cell(media)}</td>
      <td className="num right">{rateWords(rate?.mediaRate)}</td>
      <td className="num right">{cell(alt)}</td>
      <td className="num right">{rateWords(rate?.altMediaRate)}</td>
    </tr>
  );
}

export function MediaCard({ experiment, units, labels }: Props) {
  const rates = useQuery({
    queryKey: ["experiments", experiment, "media_rates"],
    queryFn: ({ signal }) =>
      get<Record<string, MediaRate>>(path("api", "experiments", experiment, "media_rates"), signal),
    refetchInterval: 60_000,
  });
  if (units.length === 0) return null;
  const all = rates.data?.all;
  return (
    <section className={`panel ${css.media}`} aria-label="Media used" tabIndex={0}>
      <h2>Media used</h2>
      {rates.error && <Problem error={rates.error} />}
      <table>
        <thead>
          <tr>
            <td />
            <th scope="colgroup" colSpan={2}>
              Media
            </th>
            <th scope="colgroup" colSpan={2}>
              Alternative
            </th>
          </tr>
          <tr className="soft">
            <th scope="col">Unit</th>
            <th scope="col">mL</th>
            <th scope="col">mL/h</th>
            <th scope="col">mL</th>
            <th scope="col">mL/h</th>
          </tr>
        </thead>
        <tbody>
          {units.map((unit) => (
            <Row key={unit} unit={unit} name={labels[unit] ?? unit} experiment={experiment} rate={rates.data?.[unit]} />
          ))}
        </tbody>
        {units.length > 1 && all && (
          <tfoot>
            <tr>
              <th scope="row">All</th>
              <td />
              <td className="num right">{rateWords(all.mediaRate)}</td>
              <td />
              <td className="num right">{rateWords(all.altMediaRate)}</td>
            </tr>
          </tfoot>
        )}
      </table>
    </section>
  );
}
