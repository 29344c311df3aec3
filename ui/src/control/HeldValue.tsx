/** Shows that an activity is paused because it was restarted after a power cut and waits for a person. */

import { useQuery } from "@tanstack/react-query";
import { finished, get, path } from "@/api/client";
import type { TaskAccepted, UnitAnswer } from "@/api/types";
import css from "./control.module.css";

interface Running {
  job_name: string;
  job_source: string;
}

/** Names of jobs that `pio resume` brought back, in what a unit said about its running jobs. */
export function resumedIn(result: unknown): string[] {
  const answers = Object.values((result ?? {}) as Record<string, UnitAnswer>);
  const jobs = answers.flatMap((one) => (one.ok && Array.isArray(one.value) ? (one.value as Running[]) : []));
  return jobs.filter((job) => job.job_source === "resume").map((job) => job.job_name);
}

/** `paused` names the jobs that are paused at present; nothing is asked of the unit when there are none. */
export function HeldValue({ unit, paused }: { unit: string; paused: readonly { job: string; name: string }[] }) {
  const resumed = useQuery({
    queryKey: ["workers", unit, "resumed", paused.map(({ job }) => job)],
    queryFn: async ({ signal }) =>
      resumedIn(
        await finished(await get<TaskAccepted>(path("api", "workers", unit, "jobs", "running"), signal), {
          everyMs: 500,
          attempts: 20,
        }),
      ),
    enabled: paused.length > 0,
    staleTime: 60_000,
  });
  const held = paused.filter(({ job }) => resumed.data?.includes(job));
  if (held.length === 0) return null;
  return (
    <p className={css.held}>
      {held.map(({ name }) => name).join(", ")} came back paused after a power cut.
      {held.some(({ job }) => job === "dosing_automation") && " Nothing is dosed until a person resumes it."}
    </p>
  );
}
