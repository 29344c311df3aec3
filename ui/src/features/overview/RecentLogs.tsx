/** What happened lately, live, from a level on. */

import { NativeSelect } from "@mantine/core";
import { useState } from "react";
import { useRecentLogs } from "@/api/queries";
import { useLiveLogs } from "@/live/logs";
import { LogList } from "@/parts/LogList";
import { LEVEL_CHOICES } from "@/parts/levels";
import panel from "@/parts/logPanel.module.css";
import { Problem } from "@/parts/Problem";
import { recall, remember } from "@/parts/remembered";
import css from "./overview.module.css";

const REMEMBERED = "pioreactor.logLevel";
const SHOWN = 50;

export function RecentLogs({ experiment, labels }: { experiment: string; labels: Record<string, string> }) {
  const [level, setLevel] = useState(() => recall(REMEMBERED) ?? "INFO");
  const history = useRecentLogs(experiment, level);
  const rows = useLiveLogs(experiment, level, history.data).slice(0, SHOWN);
  return (
    <section className={`panel ${css.logs}`} aria-label="Recent events">
      <header className={panel.head}>
        <h2>Recent events</h2>
        <NativeSelect
          size="xs"
          aria-label="Least level shown"
          value={level}
          data={LEVEL_CHOICES}
          onChange={(event) => {
            remember(REMEMBERED, event.currentTarget.value);
            setLevel(event.currentTarget.value);
          }}
        />
      </header>
      {history.error && <Problem error={history.error} />}
      <div className={panel.body} tabIndex={0}>
        <LogList rows={rows} labels={labels} />
        {rows.length === 0 && !history.isPending && (
          <p className={`soft ${css.quiet}`}>Nothing from this level on in the last 24 hours.</p>
        )}
      </div>
    </section>
  );
}
