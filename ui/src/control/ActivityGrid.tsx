/** The activities of a unit as chips: name, state in word, icon and color; a click opens what can be done. */

import { useState } from "react";
import type { JobDescriptor } from "@/api/types";
import { useConnection, useTopic, useTopics } from "@/live/hooks";
import * as topics from "@/live/topics";
import { StateMark, toneOf } from "@/parts/StateBadge";
import { shown } from "@/parts/states";
import { ActivityDialog } from "./ActivityDialog";
import css from "./control.module.css";
import { HeldValue } from "./HeldValue";
import { named } from "./units";

interface Props {
  unit: string;
  label: string | undefined;
  experiment: string;
  jobs: readonly JobDescriptor[];
}

const SHORT: Record<string, string> = {
  od_reading: "OD reading",
  growth_rate_calculating: "Growth rate",
  temperature_automation: "Temperature",
  dosing_automation: "Dosing",
  led_automation: "LED",
};

export const shortName = (job: JobDescriptor): string => SHORT[job.job_name] ?? job.display_name;

export function ActivityGrid({ unit, label, experiment, jobs }: Props) {
  const [open, setOpen] = useState<JobDescriptor>();
  const states = useTopics(jobs.map((job) => topics.state(unit, experiment, job.job_name)));
  const paused = jobs
    .filter((_, i) => states[i] === "sleeping")
    .map((job) => ({ job: job.job_name, name: shortName(job) }));
  return (
    <>
      <ul className={css.grid} aria-label="Activities">
        {jobs.map((job) => (
          <li key={job.job_name}>
            <Chip unit={unit} experiment={experiment} job={job} onOpen={() => setOpen(job)} />
          </li>
        ))}
      </ul>
      <HeldValue unit={unit} paused={paused} />
      {open && (
        <ActivityDialog
          job={open}
          where={{ unit, units: [unit], experiment, job: open.job_name }}
          who={named(unit, label)}
          opened
          onClose={() => setOpen(undefined)}
        />
      )}
    </>
  );
}

function Chip({
  unit,
  experiment,
  job,
  onOpen,
}: {
  unit: string;
  experiment: string;
  job: JobDescriptor;
  onOpen: () => void;
}) {
  const state = useTopic(topics.state(unit, experiment, job.job_name));
  const subtext = useTopic(topics.setting(unit, experiment, job.job_name, job.subtext ?? "automation_name"));
  const word = shown(state);
  const under = word === "Off" || word === "Lost" ? undefined : subtext?.replaceAll("_", " ");
  return (
    <button
      type="button"
      className={`${css.chip} ${toneOf(word)} ${css[`chip${word}`] ?? ""}`}
      onClick={onOpen}
      aria-haspopup="dialog"
    >
      <span className={css.chipName}>
        {shortName(job)}
        {under && <span className={css.chipUnder}>{under}</span>}
      </span>
      <StateMark state={state} />
    </button>
  );
}

/** "5 On, 1 Paused": the activities of a unit in one line, for small cards. */
export function useActivitySummary(unit: string, experiment: string, jobs: readonly JobDescriptor[]): string {
  const states = useTopics(jobs.map((job) => topics.state(unit, experiment, job.job_name)));
  const { isComplete } = useConnection();
  const counts = new Map<string, number>();
  for (const state of states) counts.set(shown(state), (counts.get(shown(state)) ?? 0) + 1);
  const said = ["Lost", "Starting", "On", "Paused"]
    .filter((word) => counts.has(word))
    .map((word) => `${counts.get(word)} ${word}`);
  return said.length > 0 ? said.join(", ") : isComplete ? "All off" : "…";
}
