/** Events as a table on a desk, as lines on a phone. */

import { Link } from "react-router";
import type { LogRow } from "@/api/types";
import { inExperiment } from "@/parts/experiment";
import { clockWithSeconds, day, secondsOf } from "@/parts/format";
import { LogLevel, LogList } from "@/parts/LogList";
import css from "./events.module.css";

/** Half of the stretch of the charts that an event leads to [s]. */
const AROUND_S = 1800;

/** The charts half an hour around an event, of the experiment that it belongs to. */
function momentInCharts({ timestamp, experiment }: LogRow): string {
  const iso = (seconds: number): string => new Date(Math.round(seconds) * 1000).toISOString().replace(".000Z", "Z");
  const at = secondsOf(timestamp);
  const where = `/overview?from=${iso(at - AROUND_S)}&to=${iso(at + AROUND_S)}`;
  return experiment === "$experiment" ? where : inExperiment(where, experiment);
}

export function EventTable({ rows, labels }: { rows: readonly LogRow[]; labels: Record<string, string> }) {
  return (
    <div className={`panel ${css.table}`}>
      <div className={css.narrow}>
        <LogList rows={rows} labels={labels} />
      </div>
      <table className={`plain ${css.wide}`}>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Unit</th>
            <th scope="col">From</th>
            <th scope="col">Level</th>
            <th scope="col">Message</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const at = secondsOf(row.timestamp);
            return (
              <tr key={`${row.timestamp}${row.pioreactor_unit}${row.message}`}>
                <td className={`num ${css.time}`} title={row.timestamp}>
                  <Link to={momentInCharts(row)} aria-label={`Show ${day(at)}, ${clockWithSeconds(at)} in the charts`}>
                    {day(at)}, {clockWithSeconds(at)}
                  </Link>
                </td>
                <td>
                  {labels[row.pioreactor_unit] ??
                    (row.pioreactor_unit === "$broadcast" ? "all units" : row.pioreactor_unit)}
                </td>
                <td className="soft">{(row.task ?? "").replaceAll("_", " ")}</td>
                <td>
                  <LogLevel level={row.level} />
                </td>
                <td className={css.message}>{row.message}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
