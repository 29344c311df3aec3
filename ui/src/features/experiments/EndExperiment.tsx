/** Ends an experiment: everything stops and its units are free; what was measured stays. */

import { Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ask, path } from "@/api/client";
import type { Experiment } from "@/api/types";
import { stopEverything } from "@/control/commands";
import { EVERYONE } from "@/live/topics";
import { count } from "@/parts/format";
import { ConfirmFooter } from "../../parts/ConfirmFooter";

interface Props {
  onClose: () => void;
  experiment: Experiment | undefined;
}

export function EndExperiment({ onClose, experiment }: Props) {
  const client = useQueryClient();
  const name = experiment?.experiment ?? "";
  const ending = useMutation({
    mutationFn: async () => {
      await stopEverything(EVERYONE, name);
      await ask("DELETE", path("api", "experiments", name, "workers"));
    },
    onSuccess: onClose,
    onSettled: () =>
      Promise.all(
        ["experiments", "assignments", "workers"].map((key) => client.invalidateQueries({ queryKey: [key] })),
      ),
  });
  return (
    <Modal opened={experiment !== undefined} onClose={onClose} title={`End ${name}?`}>
      <p>
        Stops stirring, readings, dosing, heating and light on {count(experiment?.worker_count ?? 0, "unit")} and
        unassigns them. What was measured stays, and units can be assigned again.
      </p>
      <ConfirmFooter
        needs={["DELETE", path("api", "experiments", name, "workers")]}
        error={ending.error}
        confirm="End experiment"
        isConfirming={ending.isPending}
        onCancel={onClose}
        onConfirm={() => ending.mutate()}
      />
    </Modal>
  );
}
