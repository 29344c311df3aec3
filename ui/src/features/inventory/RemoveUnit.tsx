/** Asks once before a unit leaves the cluster. */

import { Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ask, path } from "@/api/client";
import { ConfirmFooter } from "../../parts/ConfirmFooter";

interface Props {
  opened: boolean;
  onClose: () => void;
  unit: string;
  experiment: string | undefined;
}

export function RemoveUnit({ opened, onClose, unit, experiment }: Props) {
  const client = useQueryClient();
  const removing = useMutation({
    mutationFn: () => ask("DELETE", path("api", "workers", unit)),
    // The leader removes it first: a unit that does not answer is gone from the inventory, although it refused.
    onSettled: () =>
      Promise.all(
        ["workers", "assignments", "experiments"].map((key) => client.invalidateQueries({ queryKey: [key] })),
      ),
    onSuccess: onClose,
  });
  return (
    <Modal opened={opened} onClose={onClose} title={`Remove ${unit}?`}>
      <p>
        {unit} leaves this cluster{experiment ? `, and what it runs for ${experiment} stops` : ""}. Its past readings
        stay; adding it again brings it back. A unit that does not answer is removed too; what runs on it has to be
        stopped there.
      </p>
      <ConfirmFooter
        needs={["DELETE", path("api", "workers", unit)]}
        error={removing.error}
        confirm={`Remove ${unit}`}
        isConfirming={removing.isPending}
        onCancel={onClose}
        onConfirm={() => removing.mutate()}
      />
    </Modal>
  );
}
