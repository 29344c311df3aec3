/** Profiles that run on this experiment, and those that ran. */

import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { get, path, request } from "@/api/client";
import { useTopic } from "@/live/hooks";
import { setting } from "@/live/topics";
import { moment, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Problem } from "@/parts/Problem";
import { runsKey, type ProfileRun, type RunningJob } from "./api";
import css from "./profiles.module.css";

function Running({ job, experiment }: { job: RunningJob; experiment: string }) {
  const client = useQueryClient();
  const name = useTopic(setting(job.unit, experiment, job.job_name, `${job.job_id}/experiment_profile_name`));
  const stopping = useMutation({
    mutationFn: () => request("PATCH", "/unit_api/jobs/stop", { job_id: job.job_id }),
    onSettled: () => client.invalidateQueries({ queryKey: runsKey(experiment) }),
  });
  return (
    <li>
      <Icon name="on" size={14} />
      <span>
        <strong>{name ?? "A profile"}</strong> runs since {moment(secondsOf(job.started_at))}
      </span>
      <Button variant="default" size="xs" loading={stopping.isPending} onClick={() => stopping.mutate()} aria-label={`Stop ${name ?? "the profile"}`}>
        Stop
      </Button>
      {stopping.error && <Problem error={stopping.error} />}
    </li>
  );
}

export function Runs({ experiment }: { experiment: string }) {
  const of = path("api", "experiments", experiment, "experiment_profiles");
  const running = useQuery({ queryKey: [...runsKey(experiment), "running"], queryFn: ({ signal }) => get<RunningJob[]>(`${of}/running`, signal), refetchInterval: 10_000 });
  const recent = useQuery({ queryKey: [...runsKey(experiment), "recent"], queryFn: ({ signal }) => get<ProfileRun[]>(`${of}/recent`, signal) });
  if (running.error) return <Problem error={running.error} />;
  if (!running.data?.length && !recent.data?.length) return null;
  return (
    <section className={`panel ${css.runs}`} aria-label="Runs on this experiment">
      <ul>
        {running.data?.map((job) => (
          <Running key={job.job_id} job={job} experiment={experiment} />
        ))}
        {recent.data?.slice(0, 3).map((one) => (
          <li key={`${one.started_at}${one.experiment_profile_name}`} className="soft">
            <Icon name="clock" size={14} />
            {one.experiment_profile_name}, started {moment(secondsOf(one.started_at))}
          </li>
        ))}
      </ul>
    </section>
  );
}
