/** Where a person is signed in: since when, last seen, address and browser; each can be signed out. */

import { Button, Modal } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { get, path, request } from "@/api/client";
import type { SignedInBrowser } from "@/api/types";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import css from "./people.module.css";
import { seen } from "./sessions";

interface Props {
  username: string | undefined;
  onClose: () => void;
}

export function SignIns({ username, onClose }: Props) {
  return (
    <Modal opened={username !== undefined} onClose={onClose} title={`Sign-ins of ${username ?? ""}`}>
      {username !== undefined && <Browsers username={username} />}
    </Modal>
  );
}

function Browsers({ username }: { username: string }) {
  const client = useQueryClient();
  const sessions = useQuery({
    queryKey: ["sessions"],
    queryFn: ({ signal }) => get<SignedInBrowser[]>("/auth/sessions", signal),
  });
  const ending = useMutation({
    mutationFn: ({ id }: SignedInBrowser) => request("DELETE", path("auth", "sessions", id)),
    onSuccess: async (_, { is_own }) => {
      if (is_own) return location.reload();
      await client.invalidateQueries({ queryKey: ["sessions"] });
    },
  });
  if (sessions.error) return <Problem error={sessions.error} />;
  if (sessions.isPending) return <Waiting what="sign-ins" />;
  const theirs = sessions.data.filter((one) => one.username === username);
  if (theirs.length === 0) return <Empty title={`${username} is not signed in.`} />;
  return (
    <>
      <ul className={css.list} aria-label="Sign-ins">
        {theirs.map((one) => (
          <li key={one.id} className={css.session}>
            <div>
              <p>
                {one.browser || "Unknown browser"} {one.is_own && <span className="soft">(this one)</span>}
              </p>
              <p className="soft small">{seen(one)}</p>
            </div>
            <Button
              variant="default"
              size="xs"
              aria-label={`Sign out ${one.browser || "unknown browser"}`}
              loading={ending.isPending && ending.variables?.id === one.id}
              onClick={() => ending.mutate(one)}
            >
              Sign out
            </Button>
          </li>
        ))}
      </ul>
      {ending.error && <Problem error={ending.error} />}
    </>
  );
}
