/** The people who may sign in: add and remove them, change one's own password. */

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/api/client";
import type { Person } from "@/api/types";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { PageHeader } from "@/parts/PageHeader";
import { Problem, Waiting } from "@/parts/Problem";
import { AddPerson } from "./AddPerson";
import { ChangePassword } from "./ChangePassword";
import css from "./people.module.css";
import { RemovePerson } from "./RemovePerson";

export default function People() {
  const people = useQuery({
    queryKey: ["people"],
    queryFn: ({ signal }) => get<Person[]>("/auth/people", signal),
  });
  const me = useQuery({ queryKey: ["me"], queryFn: ({ signal }) => get<Person>("/auth/me", signal) });
  const [adding, setAdding] = useState(false);
  const [changing, setChanging] = useState(false);
  const [removing, setRemoving] = useState<string>();
  const own = me.data?.username;
  return (
    <>
      <PageHeader
        title="People"
        about={
          <span>
            {people.data ? `${count(people.data.length, "person", "people")} may sign in` : "Who may sign in"}
          </span>
        }
        actions={
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setAdding(true)}>
            Add person
          </Button>
        }
      />
      {people.error ? (
        <Problem error={people.error} />
      ) : people.isPending ? (
        <Waiting what="people" />
      ) : (
        <ul className={css.list} aria-label="People">
          {people.data.map(({ username }) => (
            <li key={username} className="panel">
              <article className={css.row} aria-label={username}>
                <h2>
                  {username} {username === own && <span className="soft">(you)</span>}
                </h2>
                <div className={css.actions}>
                  {username === own && (
                    <Button variant="default" size="xs" onClick={() => setChanging(true)}>
                      Change password
                    </Button>
                  )}
                  <Button
                    variant="subtle"
                    color="red"
                    c={people.data.length === 1 ? undefined : "var(--lost)"}
                    size="xs"
                    disabled={people.data.length === 1}
                    title={people.data.length === 1 ? "The last person cannot be removed." : undefined}
                    aria-label={`Remove ${username}`}
                    onClick={() => setRemoving(username)}
                  >
                    Remove
                  </Button>
                </div>
              </article>
            </li>
          ))}
        </ul>
      )}
      <p className={`soft small ${css.forgotten}`}>
        {people.data?.length === 1 && "The last person cannot be removed. "}A forgotten password is replaced on the
        leader's machine: <code>pio people password NAME</code>
      </p>
      <AddPerson opened={adding} onClose={() => setAdding(false)} />
      <ChangePassword opened={changing} onClose={() => setChanging(false)} />
      <RemovePerson username={removing} isOwn={removing === own} onClose={() => setRemoving(undefined)} />
    </>
  );
}
