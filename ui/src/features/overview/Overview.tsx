/** The experiment at a glance: its units, its curves, what happened lately. */

import { Button, Menu } from "@mantine/core";
import { useState } from "react";
import { Link, Route, Routes, useNavigate } from "react-router";
import { path } from "@/api/client";
import { isOn } from "@/api/ini";
import { useSharedConfig } from "@/api/queries";
import type { Experiment } from "@/api/types";
import Charts from "@/charts/Charts";
import { ChooseCharts } from "@/charts/ChooseCharts";
import { useChosenCharts } from "@/charts/useChosenCharts";
import { stoppingAll } from "@/control/commands";
import { GroupDialogs } from "@/control/GroupDialogs";
import { useGroup } from "@/control/useGroup";
import { useClusterTime } from "@/live/hooks";
import { EVERYONE } from "@/live/topics";
import { useFrame } from "@/parts/experiment";
import { count, duration, moment, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { NotFound } from "@/parts/NotFound";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { RecordEvent } from "@/units/RecordEvent";
import { UnitsGrid } from "@/units/UnitsGrid";
import { FirstDay } from "./FirstDay";
import { MediaCard } from "./MediaCard";
import css from "./overview.module.css";
import { ProfilesCard } from "./ProfilesCard";
import { RecentLogs } from "./RecentLogs";

export default function Overview() {
  return (
    <Routes>
      <Route index element={<OverviewOfCurrent />} />
      <Route path="first-day" element={<FirstDay />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}

function OverviewOfCurrent() {
  const { current } = useFrame();
  if (!current) {
    return (
      <>
        <h1 className="visually-hidden">Overview</h1>
        <Empty title="There is no experiment yet.">
          <p className="soft">Experiments hold the readings of the units that take part in them.</p>
          <Link to="/experiments?new=1">Begin the first</Link>
          <Link to="/overview/first-day">Checklist for the first day</Link>
        </Empty>
      </>
    );
  }
  return <OverviewOf key={current.experiment} experiment={current} />;
}

function About({ experiment, units }: { experiment: Experiment; units: number }) {
  const start = secondsOf(experiment.created_at);
  const now = useClusterTime(60);
  return (
    <>
      <span>Started {moment(start)}</span>
      {now > start && <span className="num">{duration(now - start)} elapsed</span>}
      <span>{count(units, "unit")}</span>
      {experiment.tags.map((tag) => (
        <span key={tag} className={css.tag}>
          {tag}
        </span>
      ))}
    </>
  );
}

function OverviewOf({ experiment }: { experiment: Experiment }) {
  const name = experiment.experiment;
  const { assigned, labels, jobs, shownJobs } = useGroup(name);
  const charts = useChosenCharts(name, "overview_chart_keys");
  const cards = useSharedConfig().data?.["ui.overview.cards"];
  const shows = (card: string): boolean => isOn(cards?.[card] ?? "1");
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<"record" | "control" | "stop">();
  const units = (assigned.data ?? []).map((worker) => worker.pioreactor_unit);
  const [placedAt, setPlacedAt] = useState<number>();
  const close = (): void => {
    setDialog(undefined);
    setPlacedAt(undefined);
  };

  return (
    <>
      <PageHeader
        title={name}
        about={<About experiment={experiment} units={units.length} />}
        actions={
          <>
            <Needs call={["POST", path("api", "workers", EVERYONE, "experiments", name, "logs")]}>
              <Button
                variant="default"
                leftSection={<Icon name="plus" size={16} />}
                onClick={() => setDialog("record")}
              >
                Record event
              </Button>
            </Needs>
            <Needs call={stoppingAll(EVERYONE, name)}>
              <Button
                variant="default"
                leftSection={<Icon name="control" size={16} />}
                disabled={units.length === 0}
                onClick={() => setDialog("control")}
              >
                Control all
              </Button>
            </Needs>
            <Menu position="bottom-end">
              <Menu.Target>
                <Button variant="default" px={8} aria-label="More actions">
                  <Icon name="dots" />
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item
                  leftSection={<Icon name="check" size={16} />}
                  onClick={() => void navigate("/overview/first-day")}
                >
                  Checklist for the first day
                </Menu.Item>
                <Needs call={stoppingAll(EVERYONE, name)}>
                  <Menu.Item
                    color="var(--lost)"
                    disabled={units.length === 0}
                    leftSection={<Icon name="stop" size={16} />}
                    onClick={() => setDialog("stop")}
                  >
                    Stop all activity…
                  </Menu.Item>
                </Needs>
              </Menu.Dropdown>
            </Menu>
          </>
        }
      />
      {assigned.error && <Problem error={assigned.error} />}
      {jobs.error && <Problem error={jobs.error} />}
      {assigned.isPending || jobs.isPending ? (
        <Waiting what="units" />
      ) : units.length === 0 ? (
        <Empty title="No unit is assigned to this experiment.">
          <p className="soft">Its past readings and events are below.</p>
          <Link to="/pioreactors">Assign units</Link>
          <Link to="/overview/first-day">Checklist for the first day</Link>
        </Empty>
      ) : (
        <UnitsGrid reactors={assigned.data ?? []} labels={labels} experiment={name} jobs={shownJobs} />
      )}
      <div className={css.below}>
        {charts ? (
          <Charts
            charts={charts}
            experiment={name}
            startS={secondsOf(experiment.created_at)}
            labels={labels}
            onPlace={setPlacedAt}
          >
            <ChooseCharts experiment={name} page="overview_chart_keys" shown={charts} />
          </Charts>
        ) : (
          <Waiting what="charts" />
        )}
        <div className={css.aside}>
          {shows("profiles") && <ProfilesCard experiment={name} />}
          {shows("dosings") && <MediaCard experiment={name} units={units} labels={labels} />}
          {shows("event_logs") && <RecentLogs experiment={name} labels={labels} />}
        </div>
      </div>
      <RecordEvent
        opened={dialog === "record" || placedAt !== undefined}
        onClose={close}
        experiment={name}
        units={units}
        labels={labels}
        at={placedAt}
      />
      <GroupDialogs dialog={dialog} onClose={close} experiment={name} units={units} jobs={shownJobs} />
    </>
  );
}
