/** Profiles that run in this experiment, how to stop them, and what ran before. */

import { Button, Group, Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "@/api/client";
import type { JobRow } from "@/api/types";
import { useTopic } from "@/live/hooks";
import { count, moment, secondsOf } from "@/parts/format";
import { Problem } from "@/parts/Problem";
import css from "./profiles.module.css";
import { useRecentRuns, useRunning } from "./queries";

export function Runs({ experiment }: { experiment: string }) {
  const running = useRunning(experiment).data ?? [];
  const recent = useRecentRuns(experiment).data ?? [];
  return (
    <section className={`panel ${css.runs}`} aria-label="Runs">
      <h2>Running in this experiment</h2>
      {running.length === 0 ? (
        <p className="soft">No profile runs.</p>
      ) : (
        <ul>
          {running.map((job) => (
            <Running key={job.job_id} job={job} />
          ))}
        </ul>
      )}
      {recent.length > 0 && (
        <>
          <h3>Run before</h3>
          <ul>
            {recent.map((one) => (
              <li key={one.started_at}>
                {one.experiment_profile_name} <span className="soft small">{moment(secondsOf(one.started_at))}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Running({ job }: { job: JobRow }) {
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const said = `pioreactor/${job.unit}/${job.experiment}/experiment_profile/${job.job_id}`;
  const name = useTopic(`${said}/experiment_profile_name`);
  const done = useTopic(`${said}/action_count`);
  const stopping = useMutation({
    mutationFn: () => ask("POST", "/unit_api/jobs/stop", { job_id: job.job_id }),
    onSuccess: async () => {
      setAsking(false);
      await client.invalidateQueries({ queryKey: ["profiles running"] });
    },
  });
  const title = name ?? "A profile";
  return (
    <li className={css.run}>
      <div>
        <strong>{title}</strong>
        <p className="soft small">
          since {moment(secondsOf(job.started_at))}
          {done && `, ${count(Number(done), "action")} done`}
        </p>
      </div>
      <Button variant="default" size="xs" onClick={() => setAsking(true)}>
        Stop
      </Button>
      <Modal opened={asking} onClose={() => setAsking(false)} title={`Stop ${title}?`}>
        <p>The profile ends, and every job that it started is stopped. Jobs that ran before keep running.</p>
        {stopping.error && <Problem error={stopping.error} />}
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={() => setAsking(false)}>
            Let it run
          </Button>
          <Button color="red" loading={stopping.isPending} onClick={() => stopping.mutate()}>
            Stop profile
          </Button>
        </Group>
      </Modal>
    </li>
  );
}
