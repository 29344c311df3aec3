/** Asks once before a curve or an estimator is gone. */

import { Button, Group, Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { ask, path } from "@/api/client";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import { deviceName } from "./session";

/** Something that a calibration left on a unit. */
export interface Kept {
  kind: "calibrations" | "estimators";
  unit: string;
  device: string;
  name: string;
  isActive: boolean;
}

interface Props {
  kept: Kept | undefined;
  onClose: () => void;
  onDeleted: () => Promise<void>;
}

export function DeleteDialog({ kept, onClose, onDeleted }: Props) {
  const deleting = useMutation({
    mutationFn: (one: Kept) => ask("DELETE", path("api", "workers", one.unit, one.kind, one.device, one.name)),
    onSuccess: async () => {
      await onDeleted();
      onClose();
    },
  });
  const what = kept?.kind === "estimators" ? "estimator" : "calibration";
  return (
    <Modal opened={kept !== undefined} onClose={onClose} title={`Delete ${kept?.name ?? ""}?`}>
      <p>
        Deletes the {what === "estimator" ? what : "curve"} from {kept?.unit}
        {kept?.isActive &&
          `, which uses it: its ${deviceName(kept.device)} is then ${what === "estimator" ? "no longer estimated" : "uncalibrated"}`}
        . It cannot be brought back.
      </p>
      {deleting.error && <Problem error={deleting.error} />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Needs
          call={[
            "DELETE",
            path("api", "workers", kept?.unit ?? "", "calibrations", kept?.device ?? "", kept?.name ?? ""),
          ]}
        >
          <Button color="red" loading={deleting.isPending} onClick={() => kept && deleting.mutate(kept)}>
            Delete {what}
          </Button>
        </Needs>
      </Group>
    </Modal>
  );
}
