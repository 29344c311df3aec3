/** Asks once before a channel and its secrets are gone. */

import { Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useAskAgain } from "@/api/alarms";
import { path, request } from "@/api/client";
import { ConfirmFooter } from "@/parts/ConfirmFooter";

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
      <p>Nothing is sent there any more. Its address and its secrets are deleted.</p>
      <ConfirmFooter
        needs={["DELETE", path("api", "alarms", "channels", name ?? "")]}
        error={removing.error}
        confirm="Remove channel"
        isDestructive
        isConfirming={removing.isPending}
        onConfirm={() => removing.mutate()}
        onCancel={onClose}
      />
    </Modal>
  );
}
