/** Asks once before a curve is gone. */

import { Button, Group, Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { ask, path } from "@/api/client";
import { Problem } from "@/parts/Problem";
import type { Calibration } from "./curve";

interface Props {
  calibration: Calibration | undefined;
  onClose: () => void;
  onDeleted: () => Promise<void>;
}

export function DeleteCalibration({ calibration, onClose, onDeleted }: Props) {
  const deleting = useMutation({
    mutationFn: (one: Calibration) => ask("DELETE", path("api", "workers", one.pioreactor_unit, "calibrations", one.device, one.calibration_name)),
    onSuccess: async () => {
      await onDeleted();
      onClose();
    },
  });
  return (
    <Modal opened={calibration !== undefined} onClose={onClose} title={`Delete ${calibration?.calibration_name ?? ""}?`}>
      <p>
        Deletes the curve from {calibration?.pioreactor_unit}
        {calibration?.is_active && `, which uses it: its ${calibration.device.replaceAll("_", " ")} is then uncalibrated`}. It cannot be brought back.
      </p>
      {deleting.error && <Problem error={deleting.error} />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button color="red" loading={deleting.isPending} onClick={() => calibration && deleting.mutate(calibration)}>
          Delete calibration
        </Button>
      </Group>
    </Modal>
  );
}
