/** The issuer that people sign in by, for managers: whether it answers, and the secret of this leader there. */

import { Button, PasswordInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { get, request } from "@/api/client";
import type { OidcCheck, OidcOffer } from "@/api/types";
import { count } from "@/parts/format";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./people.module.css";

export function Issuer() {
  const [secret, setSecret] = useState("");
  const offer = useQuery({
    queryKey: ["issuer"],
    staleTime: Infinity,
    queryFn: ({ signal }) => get<OidcOffer>("/auth/oidc", signal),
  });
  const checking = useMutation({ mutationFn: () => get<OidcCheck>("/auth/oidc/check") });
  const storing = useMutation({
    mutationFn: () => request("PUT", "/auth/oidc/secret", { secret }),
    onSuccess: () => setSecret(""),
  });
  if (!offer.data?.is_on) return null;
  const store = (event: FormEvent): void => {
    event.preventDefault();
    storing.mutate();
  };
  const found = checking.data;
  return (
    <section className="panel" aria-label="Sign-in by the issuer">
      <h2>Sign-in with {offer.data.label}</h2>
      {found && (
        <p role="status">
          {found.issuer} answers, with {count(found.keys, "key", "keys")}; signatures by {found.algorithms.join(", ")}.
          Register <code>{found.redirect_uri}</code> there. This leader has {found.has_secret ? "a" : "no"} secret.
        </p>
      )}
      {checking.error && <Problem error={checking.error} />}
      <div className={css.actions}>
        <Button variant="default" size="xs" loading={checking.isPending} onClick={() => checking.mutate()}>
          Check the issuer
        </Button>
      </div>
      <form onSubmit={store} aria-label="Secret at the issuer">
        <PasswordInput
          label="Secret of this leader at the issuer"
          description="It is stored and never shown. Blank: forget it."
          autoComplete="off"
          maxLength={1000}
          value={secret}
          onChange={(event) => setSecret(event.currentTarget.value)}
        />
        <Needs call={["PUT", "/auth/oidc/secret"]}>
          <Button type="submit" variant="default" size="xs" mt="xs" loading={storing.isPending}>
            Store the secret
          </Button>
        </Needs>
        {storing.isSuccess && <p role="status">The secret is stored.</p>}
        {storing.error && <Problem error={storing.error} />}
      </form>
    </section>
  );
}
