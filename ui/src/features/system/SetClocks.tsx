/** Sets the leader's clock by this browser's, or only has the workers follow the leader. */

import { Checkbox, Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "@/api/client";
import { ConfirmFooter } from "../../parts/ConfirmFooter";

export function SetClocks({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Set the clocks?">
      {opened && <Question onClose={onClose} />}
    </Modal>
  );
}

function Question({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [byBrowser, setByBrowser] = useState(false);
  const setting = useMutation({
    mutationFn: () =>
      ask("POST", "/api/system/utc_clock", { utc_clock_time: byBrowser ? new Date().toISOString() : null }),
    onSettled: () => client.invalidateQueries({ queryKey: ["machine"] }),
    onSuccess: onClose,
  });
  return (
    <>
      <p>
        The workers follow the leader's clock at once. Readings that are recorded meanwhile get a step in their times.
      </p>
      <Checkbox
        mt="md"
        label="Set the leader's clock by this browser's first"
        description="For a leader without internet."
        checked={byBrowser}
        onChange={(event) => setByBrowser(event.currentTarget.checked)}
      />
      <ConfirmFooter
        needs={["POST", "/api/system/utc_clock"]}
        error={setting.error}
        confirm="Set clocks"
        isConfirming={setting.isPending}
        isDestructive={false}
        onCancel={onClose}
        onConfirm={() => setting.mutate()}
      />
    </>
  );
}
