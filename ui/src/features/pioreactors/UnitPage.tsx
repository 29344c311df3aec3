/** One unit: the vial as it is, its activities, what can be done by hand, its curves and events. */

import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { path } from "@/api/client";
import { useAssigned, useJobDescriptors, useLabels } from "@/api/queries";
import type { Assignment, Experiment, JobDescriptor } from "@/api/types";
import Charts from "@/charts/Charts";
import { ChooseCharts } from "@/charts/ChooseCharts";
import { useChosenCharts } from "@/charts/useChosenCharts";
import { useUnitStrokes } from "@/charts/useLines";
import { ActivityGrid } from "@/control/ActivityGrid";
import { blink, blinking } from "@/control/commands";
import { useSilentS, useTopic } from "@/live/hooks";
import { monitor } from "@/live/topics";
import { secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Problem, Waiting } from "@/parts/Problem";
import { StateBadge } from "@/parts/StateBadge";
import { Dilution } from "@/units/Dilution";
import { modelName, useModel } from "@/units/models";
import { Numbers } from "@/units/Numbers";
import { RecordEvent } from "@/units/RecordEvent";
import { RecordsLine } from "@/units/RecordsLine";
import { Checks } from "./Checks";
import { Elsewhere } from "./Elsewhere";
import { LabelDialog } from "./LabelDialog";
import { ManualDosing } from "./ManualDosing";
import { PumpGain } from "./PumpGain";
import css from "./pioreactors.module.css";
import { UnitLogs } from "./UnitLogs";
import { Vessel } from "./Vessel";
import { VialSettings } from "./VialSettings";

export function UnitPage({ experiment }: { experiment: Experiment }) {
  const { unit = "" } = useParams();
  const assigned = useAssigned(experiment.experiment);
  const jobs = useJobDescriptors();
  if (assigned.error ?? jobs.error) return <Problem error={assigned.error ?? jobs.error} />;
  if (!assigned.data || !jobs.data) return <Waiting what={unit} />;
  const worker = assigned.data.find((one) => one.pioreactor_unit === unit);
  if (!worker) {
    return <Elsewhere unit={unit} experiment={experiment.experiment} />;
  }
  return <Page key={unit} worker={worker} experiment={experiment} jobs={jobs.data.filter((job) => job.display)} />;
}

function Page({
  worker,
  experiment,
  jobs,
}: {
  worker: Assignment;
  experiment: Experiment;
  jobs: readonly JobDescriptor[];
}) {
  const unit = worker.pioreactor_unit;
  const name = experiment.experiment;
  const labels = useLabels(name).data ?? {};
  const state = useTopic(monitor(unit, "$state"));
  const silentS = useSilentS(unit, name);
  const away = state === "lost" || silentS > 0;
  const color = useUnitStrokes().strokeOf(unit).color;
  const model = useModel(worker);
  const charts = useChosenCharts(name, "pioreactor_chart_keys");
  const [naming, setNaming] = useState(false);
  const [placedAt, setPlacedAt] = useState<number>();
  const identifying = useMutation({ mutationFn: () => blink(unit) });
  return (
    <>
      <PageHeader
        title={labels[unit] ?? unit}
        about={
          <>
            <StateBadge state={state} silentS={silentS} />
            {labels[unit] && <span>{unit}</span>}
            <span>{modelName(worker)}</span>
            <RecordsLine unit={unit} away={away} />
          </>
        }
        actions={
          <>
            <Needs call={["PATCH", path("api", "experiments", name, "unit_labels")]}>
              <Button variant="default" leftSection={<Icon name="edit" size={16} />} onClick={() => setNaming(true)}>
                Label
              </Button>
            </Needs>
            <Button
              variant="default"
              component={Link}
              to={`/calibrations/new?unit=${encodeURIComponent(unit)}`}
              leftSection={<Icon name="curve" size={16} />}
            >
              Calibrate
            </Button>
            <Needs call={blinking(unit)}>
              <Button
                variant="default"
                leftSection={<Icon name="bulb" size={16} />}
                loading={identifying.isPending}
                onClick={() => identifying.mutate()}
              >
                Identify
              </Button>
            </Needs>
          </>
        }
      />
      {identifying.error && <Problem error={identifying.error} />}
      <div className={css.unit} data-away={away || undefined}>
        <section className={`panel ${css.vesselPanel}`} aria-label="Vial">
          <Vessel unit={unit} experiment={name} model={model} />
        </section>
        <div className={css.column}>
          <section className={`panel ${css.padded}`} aria-label="Readings">
            <Numbers unit={unit} experiment={name} color={color} away={away} />
            <PumpGain unit={unit} experiment={name} />
            <Dilution unit={unit} experiment={name} />
          </section>
          <section className={`panel ${css.padded}`} aria-label="What it does">
            <h2>Activities</h2>
            <ActivityGrid unit={unit} label={labels[unit]} experiment={name} jobs={jobs} />
          </section>
          <VialSettings unit={unit} experiment={name} />
        </div>
        <div className={css.column}>
          <ManualDosing unit={unit} experiment={name} model={model} />
          <Checks unit={unit} experiment={name} />
        </div>
      </div>
      <div className={css.below}>
        {charts ? (
          <Charts
            charts={charts}
            experiment={name}
            startS={secondsOf(experiment.created_at)}
            labels={labels}
            unit={unit}
            onPlace={setPlacedAt}
          >
            <ChooseCharts experiment={name} page="pioreactor_chart_keys" shown={charts} />
          </Charts>
        ) : (
          <Waiting what="charts" />
        )}
        <UnitLogs unit={unit} experiment={name} labels={labels} />
      </div>
      <RecordEvent
        opened={placedAt !== undefined}
        onClose={() => setPlacedAt(undefined)}
        experiment={name}
        units={[unit]}
        labels={labels}
        unit={unit}
        at={placedAt}
      />
      <LabelDialog
        opened={naming}
        onClose={() => setNaming(false)}
        unit={unit}
        experiment={name}
        label={labels[unit] ?? ""}
      />
    </>
  );
}
