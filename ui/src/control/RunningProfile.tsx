/** A profile that runs: what it is called, how far it is, and how to stop it. */

import { Button, Group, Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "@/api/client";
import type { JobRow } from "@/api/types";
import { useTopic } from "@/live/hooks";
import { count, moment, secondsOf } from "@/parts/format";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./control.module.css";

export function RunningProfile({ job }: { job: JobRow }) {
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
    <li className={css.running}>
      <div>
        <strong>{title}</strong>
        <p className="soft small">
          since {moment(secondsOf(job.started_at))}
          {done && `, ${count(Number(done), "action")} done`}
        </p>
      </div>
      <Needs call={["POST", "/unit_api/jobs/stop"]}>
        <Button variant="default" size="xs" onClick={() => setAsking(true)}>
          Stop
        </Button>
      </Needs>
      <Modal opened={asking} onClose={() => setAsking(false)} title={`Stop ${title}?`}>
        <p>The profile ends, and every job that it started is stopped. Jobs that ran before keep running.</p>
        {stopping.error && <Problem error={stopping.error} />}
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={() => setAsking(false)}>
            Let it run
          </Button>
          <Needs call={["POST", "/unit_api/jobs/stop"]}>
            <Button color="red" loading={stopping.isPending} onClick={() => stopping.mutate()}>
              Stop profile
            </Button>
          </Needs>
        </Group>
      </Modal>
    </li>
  );
}
