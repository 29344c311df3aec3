/** The sign-in page. */

import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { get } from "@/api/client";
import type { OidcOffer } from "@/api/types";
import { Problem } from "@/parts/Problem";
import css from "./app.module.css";
import { Logo } from "./Logo";
import { asksForCode, signIn, startAtIssuer } from "./session";

export function SignIn() {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [takesCode, setTakesCode] = useState(false);
  const client = useQueryClient();
  const entering = useMutation({
    mutationFn: () => signIn(username, password, code.trim()),
    onError: (error) => asksForCode(error) && setTakesCode(true),
    onSuccess: () => client.invalidateQueries(),
  });
  const issuer = useQuery({
    queryKey: ["issuer"],
    staleTime: Infinity,
    retry: false,
    queryFn: ({ signal }) => get<OidcOffer>("/auth/oidc", signal),
  });
  const leaving = useMutation({ mutationFn: startAtIssuer, onSuccess: ({ url }) => window.location.assign(url) });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    entering.mutate();
  };
  return (
    <main className={css.signIn}>
      <form className={`panel ${css.doorForm}`} onSubmit={submit} aria-label="Sign in">
        <Logo size={44} />
        <h1>Pioreactor</h1>
        <p className="soft">Sign in to see and control this cluster.</p>
        <TextInput
          label="Name"
          autoComplete="username"
          autoFocus
          required
          withAsterisk={false}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
        />
        <PasswordInput
          label="Password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        {takesCode && (
          <TextInput
            label="Code"
            description="Six digits of your authenticator app, or a recovery code"
            autoComplete="one-time-code"
            autoFocus
            maxLength={40}
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
          />
        )}
        {entering.error && !(asksForCode(entering.error) && code === "") && <Problem error={entering.error} />}
        <Button type="submit" size="md" loading={entering.isPending} fullWidth>
          Sign in
        </Button>
        {issuer.data?.is_on && (
          <Button
            className={css.longButton}
            variant="default"
            size="md"
            loading={leaving.isPending}
            fullWidth
            onClick={() => leaving.mutate()}
          >
            Sign in with {issuer.data.label}
          </Button>
        )}
        {leaving.error && <Problem error={leaving.error} />}
        <p className="soft small">The first password was shown where the leader was started for the first time.</p>
      </form>
    </main>
  );
}
