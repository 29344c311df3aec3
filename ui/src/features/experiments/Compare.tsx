/** Two experiments in the same charts, over the hours since each of them began. */

import { Button, NativeSelect } from "@mantine/core";
import { Suspense, useState } from "react";
import { Link } from "react-router";
import { useLabels } from "@/api/queries";
import type { Experiment } from "@/api/types";
import { ChooseCharts } from "@/charts/ChooseCharts";
import { useChosenCharts } from "@/charts/useChosenCharts";
import { inExperiment, useFrame } from "@/parts/experiment";
import { useFilters } from "@/parts/filters";
import { count, moment, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { lazyPart } from "@/parts/lazyPart";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Waiting } from "@/parts/Problem";
import css from "./experiments.module.css";
import { FIRST, pairOf, SECOND } from "./pair";

const CompareCharts = lazyPart(() => import("@/charts/CompareCharts"));

export function Compare() {
  const { experiments, current } = useFrame();
  const [params, set] = useFilters();
  const [copied, setCopied] = useState(false);
  const names = pairOf(params, experiments, current?.experiment);
  const [first, second] = names.map((name) => experiments.find((one) => one.experiment === name));
  const share = (): void => {
    const link = new URL(location.href);
    link.searchParams.set(FIRST, names[0]);
    link.searchParams.set(SECOND, names[1]);
    void navigator.clipboard?.writeText(link.href).then(() => setCopied(true));
  };
  return (
    <>
      <PageHeader
        title="Compare experiments"
        about={<span>Hours since each of them began</span>}
        actions={
          <Button variant="default" leftSection={<Icon name="copy" size={16} />} onClick={share}>
            {copied ? "Link copied" : "Copy link"}
          </Button>
        }
      />
      {experiments.length < 2 ? (
        <Empty title="There are no two experiments yet.">
          <Link to="/experiments">All experiments</Link>
        </Empty>
      ) : (
        <div className={css.pair} role="group" aria-label="Experiments to compare">
          {[FIRST, SECOND].map((key, i) => (
            <NativeSelect
              key={key}
              label={i === 0 ? "Solid lines" : "Dashed lines"}
              value={names[i]}
              data={experiments.map((one) => one.experiment)}
              onChange={(event) => set(key, event.currentTarget.value)}
            />
          ))}
        </div>
      )}
      {first && second ? (
        <Charts key={names.join("\n")} first={first} second={second} />
      ) : (
        experiments.length > 1 && (
          <Empty title={`There is no experiment named "${first ? names[1] : names[0]}".`}>
            <p className="soft">It was renamed or deleted, or the link is of another cluster.</p>
          </Empty>
        )
      )}
    </>
  );
}

function Charts({ first, second }: { first: Experiment; second: Experiment }) {
  const charts = useChosenCharts(first.experiment, "overview_chart_keys");
  const labels = [useLabels(first.experiment).data ?? {}, useLabels(second.experiment).data ?? {}];
  const side = (one: Experiment, i: number) => ({
    experiment: one.experiment,
    startS: secondsOf(one.created_at),
    labels: labels[i] ?? {},
  });
  return (
    <>
      <ul className={css.compared} aria-label="Compared experiments">
        {[first, second].map((one) => (
          <li key={one.experiment}>
            <Link to={inExperiment("/overview", one.experiment)}>{one.experiment}</Link>
            <span className="soft small">
              Started {moment(secondsOf(one.created_at))}
              {one.worker_count > 0 ? `, active on ${count(one.worker_count, "unit")}` : ", inactive"}
            </span>
            {one.description && <span className="small">{one.description}</span>}
          </li>
        ))}
      </ul>
      <Suspense fallback={<Waiting what="charts" />}>
        {charts ? (
          <CompareCharts charts={charts} first={side(first, 0)} second={side(second, 1)}>
            <ChooseCharts experiment={first.experiment} page="overview_chart_keys" shown={charts} />
          </CompareCharts>
        ) : (
          <Waiting what="charts" />
        )}
      </Suspense>
    </>
  );
}
