/** The tokens with which programs use the API: make one, see when it was used, revoke it. */

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/api/client";
import type { AccessToken, Me } from "@/api/types";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import rows from "@/parts/rows.module.css";
import { HomeAssistant } from "./HomeAssistant";
import { NewToken } from "./NewToken";
import { RevokeToken } from "./RevokeToken";
import { usage } from "./tokens";

export default function Tokens() {
  const tokens = useQuery({
    queryKey: ["tokens"],
    queryFn: ({ signal }) => get<AccessToken[]>("/auth/tokens", signal),
  });
  const me = useQuery({ queryKey: ["me"], queryFn: ({ signal }) => get<Me>("/auth/me", signal) });
  const [adding, setAdding] = useState(false);
  const [revoking, setRevoking] = useState<AccessToken>();
  const add = (
    <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setAdding(true)}>
      New token
    </Button>
  );
  return (
    <>
      <PageHeader
        title="Tokens"
        about={
          <span>{tokens.data ? count(tokens.data.length, "token") : "Tokens"} for scripts and other programs</span>
        }
        actions={add}
      />
      {tokens.error ? (
        <Problem error={tokens.error} />
      ) : tokens.isPending ? (
        <Waiting what="tokens" />
      ) : tokens.data.length === 0 ? (
        <Empty title="There are no tokens yet.">
          <p className="soft">A program uses the API with a token, which acts for the person who made it.</p>
        </Empty>
      ) : (
        <ul className={rows.list} aria-label="Tokens">
          {tokens.data.map((token) => (
            <li key={token.id} className="panel">
              <Row token={token} onRevoke={() => setRevoking(token)} />
            </li>
          ))}
        </ul>
      )}
      {me.data?.rights?.role === "manager" && <HomeAssistant tokens={tokens.data ?? []} />}
      <NewToken opened={adding} onClose={() => setAdding(false)} />
      <RevokeToken token={revoking} onClose={() => setRevoking(undefined)} />
    </>
  );
}

function Row({ token, onRevoke }: { token: AccessToken; onRevoke: () => void }) {
  return (
    <article className={rows.row} aria-label={token.name}>
      <div className={rows.about}>
        <h2>{token.name}</h2>
        <p className="soft small">
          {token.username} · {usage(token)}
        </p>
      </div>
      <Button
        variant="subtle"
        color="red"
        c="var(--lost)"
        size="xs"
        onClick={onRevoke}
        aria-label={`Revoke ${token.name}`}
      >
        Revoke
      </Button>
    </article>
  );
}
