/** Asks once before a token stops working. */

import { Button, Group, Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { path, request } from "@/api/client";
import type { AccessToken } from "@/api/types";
import { Problem } from "@/parts/Problem";

interface Props {
  token: AccessToken | undefined;
  onClose: () => void;
}

export function RevokeToken({ token, onClose }: Props) {
  return (
    <Modal opened={token !== undefined} onClose={onClose} title={`Revoke ${token?.name ?? ""}?`}>
      {token && <Confirmation token={token} onClose={onClose} />}
    </Modal>
  );
}

function Confirmation({ token, onClose }: { token: AccessToken; onClose: () => void }) {
  const client = useQueryClient();
  const revoking = useMutation({
    mutationFn: () => request("DELETE", path("auth", "tokens", token.id)),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["tokens"] });
      onClose();
    },
  });
  return (
    <>
      <p>Programs that use this token of {token.username} are refused from now on. It cannot be brought back.</p>
      {revoking.error && <Problem error={revoking.error} />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button color="red" loading={revoking.isPending} onClick={() => revoking.mutate()}>
          Revoke token
        </Button>
      </Group>
    </>
  );
}
