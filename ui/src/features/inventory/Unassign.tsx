/** Asks before a unit, or every unit, leaves its experiment. */

import { Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ask, path } from "@/api/client";
import { ConfirmFooter } from "../../parts/ConfirmFooter";

interface Props {
  opened: boolean;
  onClose: () => void;
  /** All units, if none is named. */
  unit?: string;
  experiment?: string | undefined;
}

export function Unassign({ opened, onClose, unit, experiment }: Props) {
  const client = useQueryClient();
  const leaving = useMutation({
    mutationFn: () =>
      unit === undefined || experiment === undefined
        ? ask("DELETE", "/api/workers/assignments")
        : ask("DELETE", path("api", "experiments", experiment, "workers", unit)),
    onSettled: () =>
      Promise.all(
        ["workers", "assignments", "experiments"].map((key) => client.invalidateQueries({ queryKey: [key] })),
      ),
    onSuccess: onClose,
  });
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={unit === undefined ? "Unassign all units?" : `Unassign ${unit} from ${experiment}?`}
    >
      <p>
        {unit === undefined
          ? "Stops what runs on every unit, in all experiments. What was measured stays."
          : `Stops what runs on ${unit}. What was measured stays, and it can be assigned again.`}
      </p>
      <ConfirmFooter
        needs={
          unit === undefined || experiment === undefined
            ? ["DELETE", "/api/workers/assignments"]
            : ["DELETE", path("api", "experiments", experiment, "workers", unit)]
        }
        error={leaving.error}
        confirm={unit === undefined ? "Unassign all" : `Unassign ${unit}`}
        isConfirming={leaving.isPending}
        onCancel={onClose}
        onConfirm={() => leaving.mutate()}
      />
    </Modal>
  );
}
