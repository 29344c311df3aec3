/** What each unit of an experiment does, and whether it needs a person. */

import { useMemo } from "react";
import type { JobDescriptor } from "@/api/types";
import { useNow, useTopics } from "@/live/hooks";
import { useAllRecords, waitLong } from "@/live/records";
import { monitor, state } from "@/live/topics";
import { isRunning } from "@/parts/states";
import type { Condition } from "./selection";

export function useConditions(
  units: readonly string[],
  experiment: string,
  jobs: readonly JobDescriptor[],
): ReadonlyMap<string, Condition> {
  const monitors = useTopics(units.map((unit) => monitor(unit, "$state")));
  const states = useTopics(units.flatMap((unit) => jobs.map((job) => state(unit, experiment, job.job_name))));
  const records = useAllRecords(units);
  const now = useNow(10);
  const names = units.join("\n");
  return useMemo(
    () =>
      new Map(
        names.split("\n").map((unit, i) => {
          const mine = states.slice(i * jobs.length, (i + 1) * jobs.length);
          const unsent = records[i];
          const attention =
            monitors[i] === "lost" ||
            mine.some((one) => one === "lost" || one === "sleeping") ||
            (unsent !== undefined && waitLong(unsent, now));
          return [unit, { attention, running: mine.some(isRunning) }];
        }),
      ),
    [names, monitors, states, records, jobs.length, now],
  );
}
