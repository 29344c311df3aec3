/** What an invited person sees: the role that waits, and a form for a name and a password. */

import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { request } from "@/api/client";
import type { Invited } from "@/api/types";
import { nameFault, passwordFault } from "@/features/people/passwords";
import { described } from "@/features/people/rights";
import { Problem, Waiting } from "@/parts/Problem";
import css from "./app.module.css";
import { Logo } from "./Logo";

/** Where the link of an invitation leads; the secret follows in the fragment, which browsers do not send. */
export const INVITATION = "/invitation";

export function AcceptInvitation() {
  const [secret] = useState(() => location.hash.slice(1));
  const invited = useQuery({
    queryKey: ["invitation"],
    queryFn: () => request<Invited>("POST", "/auth/invitation", { secret }),
    retry: false,
    refetchOnWindowFocus: false,
    enabled: secret !== "",
  });
  return (
    <main className={css.signIn}>
      <section className={`panel ${css.doorForm}`} aria-label="Invitation">
        <Logo size={44} />
        <h1>Invitation</h1>
        {secret === "" ? (
          <Problem error={new Error("This link is not complete. Open it as it was sent to you.")} />
        ) : invited.error ? (
          <Problem error={invited.error} />
        ) : invited.isPending ? (
          <Waiting what="the invitation" />
        ) : (
          <Form secret={secret} invited={invited.data} />
        )}
        <p className="soft small">
          <a href="/">Sign in</a> if you have a name and a password.
        </p>
      </section>
    </main>
  );
}

function Form({ secret, invited }: { secret: string; invited: Invited }) {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const accepting = useMutation({
    mutationFn: () => request("POST", "/auth/invitation/accept", { secret, username, password }),
    onSuccess: () => location.replace("/"),
  });
  const faults = [nameFault(username), passwordFault(password)];
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (faults.every((fault) => fault === undefined)) accepting.mutate();
  };
  const { role = "viewer", units, experiments } = invited.rights;
  return (
    <form onSubmit={submit} className={css.fields}>
      <p className="soft">
        You are invited as {described({ role, units: units ?? null, experiments: experiments ?? null })}.
      </p>
      <TextInput
        label="Name"
        description="Letters, digits and _ . @ -"
        autoComplete="username"
        autoFocus
        maxLength={64}
        value={username}
        error={username === "" ? undefined : faults[0]}
        onChange={(event) => setUsername(event.currentTarget.value)}
      />
      <PasswordInput
        label="Password"
        description="At least 10 characters"
        autoComplete="new-password"
        value={password}
        error={password === "" ? undefined : faults[1]}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      {accepting.error && <Problem error={accepting.error} />}
      <Button
        type="submit"
        size="md"
        fullWidth
        loading={accepting.isPending}
        disabled={faults.some((fault) => fault !== undefined)}
      >
        Accept invitation
      </Button>
    </form>
  );
}
