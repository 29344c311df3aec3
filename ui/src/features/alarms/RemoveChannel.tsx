/** Asks once before a channel and its secrets are gone. */

import { Button, Group, Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useAskAgain } from "@/api/alarms";
import { path, request } from "@/api/client";
import { Problem } from "@/parts/Problem";

interface Props {
  name: string | undefined;
  onClose: () => void;
}

export function RemoveChannel({ name, onClose }: Props) {
  const askAgain = useAskAgain();
  const removing = useMutation({
    mutationFn: () => request("DELETE", path("api", "alarms", "channels", name ?? "")),
    onSuccess: async () => {
      await askAgain();
      onClose();
    },
  });
  return (
    <Modal opened={name !== undefined} onClose={onClose} title={`Remove ${name ?? ""}?`}>
      <p>Nothing is told there any more. Its address and its secrets are deleted.</p>
      {removing.error && <Problem error={removing.error} />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button color="red" loading={removing.isPending} onClick={() => removing.mutate()}>
          Remove channel
        </Button>
      </Group>
    </Modal>
  );
}
