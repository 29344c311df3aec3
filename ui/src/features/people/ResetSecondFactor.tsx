/** Asks once before a person can sign in with the password alone. */

import { Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { path, request } from "@/api/client";
import { ConfirmFooter } from "@/parts/ConfirmFooter";

interface Props {
  username: string | undefined;
  onClose: () => void;
}

export function ResetSecondFactor({ username, onClose }: Props) {
  return (
    <Modal opened={username !== undefined} onClose={onClose} title={`Reset the second factor of ${username ?? ""}?`}>
      {username !== undefined && <Confirmation username={username} onClose={onClose} />}
    </Modal>
  );
}

function Confirmation({ username, onClose }: { username: string; onClose: () => void }) {
  const client = useQueryClient();
  const resetting = useMutation({
    mutationFn: () => request("DELETE", path("auth", "people", username, "second-factor")),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["people"] });
      onClose();
    },
  });
  return (
    <>
      <p>
        Do this for a person who has lost app and recovery codes. The password alone is enough until they switch it on
        again.
      </p>
      <ConfirmFooter
        needs={["DELETE", path("auth", "people", username, "second-factor")]}
        error={resetting.error}
        confirm="Reset"
        isConfirming={resetting.isPending}
        onCancel={onClose}
        onConfirm={() => resetting.mutate()}
      />
    </>
  );
}
