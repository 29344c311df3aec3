/** Invitations that are open: who they are for, as what, until when; each can be revoked. */

import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { get, path, request } from "@/api/client";
import type { Invitation } from "@/api/types";
import { moment, secondsOf } from "@/parts/format";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./people.module.css";
import { described } from "./rights";

export function Invitations() {
  const client = useQueryClient();
  const invitations = useQuery({
    queryKey: ["invitations"],
    queryFn: ({ signal }) => get<Invitation[]>("/auth/invitations", signal),
  });
  const revoking = useMutation({
    mutationFn: ({ id }: Invitation) => request("DELETE", path("auth", "invitations", id)),
    onSuccess: () => client.invalidateQueries({ queryKey: ["invitations"] }),
  });
  const open = invitations.data?.filter(({ state }) => state === "open") ?? [];
  if (invitations.error) return <Problem error={invitations.error} />;
  if (open.length === 0) return null;
  return (
    <section aria-label="Invitations" className={css.invitations}>
      <h2>Invitations</h2>
      <ul className={css.list}>
        {open.map((one) => (
          <li key={one.id} className="panel">
            <article className={css.row} aria-label={one.note || one.id}>
              <div>
                <h3>{one.note || "Without a note"}</h3>
                <p className="soft small">{about(one)}</p>
              </div>
              <Needs call={["DELETE", path("auth", "invitations", one.id)]}>
                <Button
                  variant="subtle"
                  color="red"
                  c="var(--lost)"
                  size="xs"
                  aria-label={`Revoke the invitation of ${one.note || one.id}`}
                  loading={revoking.isPending && revoking.variables?.id === one.id}
                  onClick={() => revoking.mutate(one)}
                >
                  Revoke
                </Button>
              </Needs>
            </article>
          </li>
        ))}
      </ul>
      {revoking.error && <Problem error={revoking.error} />}
    </section>
  );
}

function about({ rights: { role = "viewer", units, experiments }, invited_by, expires_at }: Invitation): string {
  const as = described({ role, units: units ?? null, experiments: experiments ?? null });
  return `${as} · by ${invited_by || "the leader's terminal"} · until ${moment(secondsOf(expires_at))}`;
}
