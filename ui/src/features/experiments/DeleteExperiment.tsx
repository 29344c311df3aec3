/** Deleting cannot be undone, so the name has to be typed. */

import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask, path } from "@/api/client";
import type { Experiment } from "@/api/types";
import { count } from "@/parts/format";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./experiments.module.css";

interface Props {
  opened: boolean;
  onClose: () => void;
  experiment: Experiment | undefined;
}

export function DeleteExperiment({ opened, onClose, experiment }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title={`Delete ${experiment?.experiment ?? ""}?`}>
      {opened && experiment && <Confirmation experiment={experiment} onClose={onClose} />}
    </Modal>
  );
}

function Confirmation({ experiment, onClose }: { experiment: Experiment; onClose: () => void }) {
  const name = experiment.experiment;
  const client = useQueryClient();
  const [typed, setTyped] = useState("");
  const deleting = useMutation({
    mutationFn: () => ask("DELETE", path("api", "experiments", name), undefined, { everyMs: 1000, attempts: 300 }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["experiments"] });
      onClose();
    },
  });
  return (
    <div className={css.form}>
      <p>
        Deletes every reading, dose and event of this experiment from the leader
        {experiment.worker_count > 0 && `, and stops what runs on ${count(experiment.worker_count, "unit")}`}. It cannot
        be brought back.
      </p>
      <TextInput
        label={`Type "${name}" to delete it`}
        data-autofocus
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      {deleting.error && <Problem error={deleting.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Needs call={["DELETE", path("api", "experiments", name)]}>
          <Button
            color="red"
            disabled={typed.trim() !== name}
            loading={deleting.isPending}
            onClick={() => deleting.mutate()}
          >
            Delete experiment
          </Button>
        </Needs>
      </Group>
    </div>
  );
}
