/** Asks once before a person may no longer sign in. */

import { Modal } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { get, path, request } from "@/api/client";
import type { AccessToken } from "@/api/types";
import { count } from "@/parts/format";
import { ConfirmFooter } from "../../parts/ConfirmFooter";

interface Props {
  username: string | undefined;
  isOwn: boolean;
  onClose: () => void;
}

export function RemovePerson({ username, isOwn, onClose }: Props) {
  return (
    <Modal opened={username !== undefined} onClose={onClose} title={`Remove ${username ?? ""}?`}>
      {username !== undefined && <Confirmation username={username} isOwn={isOwn} onClose={onClose} />}
    </Modal>
  );
}

function Confirmation({ username, isOwn, onClose }: Props & { username: string }) {
  const client = useQueryClient();
  const tokens = useQuery({
    queryKey: ["tokens"],
    queryFn: ({ signal }) => get<AccessToken[]>("/auth/tokens", signal),
  });
  const removing = useMutation({
    mutationFn: () => request("DELETE", path("auth", "people", username)),
    onSuccess: async () => {
      if (isOwn) return location.reload();
      await Promise.all(["people", "tokens"].map((key) => client.invalidateQueries({ queryKey: [key] })));
      onClose();
    },
  });
  const theirs = tokens.data?.filter((token) => token.username === username).length ?? 0;
  return (
    <>
      <p>
        {isOwn
          ? "You are signed out and may not sign in again."
          : `${username} is signed out and may not sign in again.`}
        {theirs > 0 && ` ${count(theirs, "token")} of ${isOwn ? "yours" : "theirs"} stop working.`} What{" "}
        {isOwn ? "you" : "they"} recorded stays.
      </p>
      <ConfirmFooter
        needs={["DELETE", path("auth", "people", username)]}
        error={removing.error}
        confirm={`Remove ${username}`}
        isConfirming={removing.isPending}
        onCancel={onClose}
        onConfirm={() => removing.mutate()}
      />
    </>
  );
}
