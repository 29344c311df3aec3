/** What this unit said lately. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { completedBy, get, path } from "@/api/client";
import type { LogRow } from "@/api/types";
import { useLiveLogs } from "@/live/logs";
import { logsOf } from "@/live/topics";
import { LogList } from "@/parts/LogList";
import panel from "@/parts/logPanel.module.css";
import { Problem } from "@/parts/Problem";
import css from "./pioreactors.module.css";

export function UnitLogs({
  unit,
  experiment,
  labels,
}: {
  unit: string;
  experiment: string;
  labels: Record<string, string>;
}) {
  const history = useQuery({
    queryKey: ["experiments", experiment, "recent_logs", unit],
    queryFn: ({ signal }) =>
      get<LogRow[]>(`${path("api", "workers", unit, "experiments", experiment, "recent_logs")}?min_level=INFO`, signal),
    staleTime: 60_000,
    ...completedBy(logsOf(experiment, unit)),
  });
  const rows = useLiveLogs(experiment, "INFO", history.data, unit).slice(0, 50);
  return (
    <section className={`panel ${css.logs}`} aria-label="Recent events">
      <header className={panel.head}>
        <h2>Recent events</h2>
        <Link to={`/logs?unit=${encodeURIComponent(unit)}`}>All events</Link>
      </header>
      {history.error && <Problem error={history.error} />}
      <div className={panel.body} tabIndex={0}>
        <LogList rows={rows} labels={labels} />
        {rows.length === 0 && !history.isPending && (
          <p className={`soft ${css.padded}`}>Nothing in the last 24 hours.</p>
        )}
      </div>
    </section>
  );
}
