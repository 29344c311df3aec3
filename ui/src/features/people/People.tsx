/** The people who may sign in and what they may do: add and remove them, change rights and one's own password. */

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get, path } from "@/api/client";
import type { Me, Person } from "@/api/types";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Problem, Waiting } from "@/parts/Problem";
import { AddPerson } from "./AddPerson";
import { ChangePassword } from "./ChangePassword";
import { ChangeRights } from "./ChangeRights";
import { Invitations } from "./Invitations";
import { InvitePerson } from "./InvitePerson";
import { Issuer } from "./Issuer";
import css from "./people.module.css";
import { RemovePerson } from "./RemovePerson";
import { ResetSecondFactor } from "./ResetSecondFactor";
import { described } from "./rights";
import { SecondFactor } from "./SecondFactor";
import { SignIns } from "./SignIns";

const managesAll = ({ role, units, experiments }: Person): boolean =>
  role === "manager" && units == null && experiments == null;

export default function People() {
  const people = useQuery({
    queryKey: ["people"],
    queryFn: ({ signal }) => get<Person[]>("/auth/people", signal),
  });
  const me = useQuery({ queryKey: ["me"], queryFn: ({ signal }) => get<Me>("/auth/me", signal) });
  const [adding, setAdding] = useState(false);
  const [inviting, setInviting] = useState(false);
  const [changing, setChanging] = useState(false);
  const [removing, setRemoving] = useState<string>();
  const [choosing, setChoosing] = useState(false);
  const [resetting, setResetting] = useState<string>();
  const [signedIn, setSignedIn] = useState<string>();
  const [limiting, setLimiting] = useState<Person>();
  const managers = people.data?.filter(managesAll) ?? [];
  const isLast = (person: Person): boolean => managesAll(person) && managers.length === 1;
  const own = me.data?.username;
  const isManager = me.data?.rights?.role === "manager";
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
          isManager && (
            <>
              <Needs call={["POST", "/auth/invitations"]}>
                <Button variant="default" onClick={() => setInviting(true)}>
                  Invite person
                </Button>
              </Needs>
              <Needs call={["PUT", "/auth/people"]}>
                <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setAdding(true)}>
                  Add person
                </Button>
              </Needs>
            </>
          )
        }
      />
      {people.error ? (
        <Problem error={people.error} />
      ) : people.isPending ? (
        <Waiting what="people" />
      ) : (
        <ul className={css.list} aria-label="People">
          {people.data.map((person) => (
            <li key={person.username} className="panel">
              <article className={css.row} aria-label={person.username}>
                <div>
                  <h2>
                    {person.username} {person.username === own && <span className="soft">(you)</span>}
                  </h2>
                  <p className="soft small">
                    {described(person)}
                    {person.has_second_factor && " · second factor"}
                    {person.signs_in_by_issuer && " · signs in by the issuer"}
                  </p>
                </div>
                <div className={css.actions}>
                  {person.username === own && (
                    <Button variant="default" size="xs" onClick={() => setChanging(true)}>
                      Change password
                    </Button>
                  )}
                  {person.username === own && (
                    <Button variant="default" size="xs" onClick={() => setChoosing(true)}>
                      Second factor
                    </Button>
                  )}
                  {isManager && person.username !== own && person.has_second_factor && (
                    <Needs call={["DELETE", path("auth", "people", person.username, "second-factor")]}>
                      <Button
                        variant="default"
                        size="xs"
                        aria-label={`Reset second factor of ${person.username}`}
                        onClick={() => setResetting(person.username)}
                      >
                        Reset second factor
                      </Button>
                    </Needs>
                  )}
                  {(isManager || person.username === own) && (
                    <Button
                      variant="default"
                      size="xs"
                      aria-label={`Sign-ins of ${person.username}`}
                      onClick={() => setSignedIn(person.username)}
                    >
                      Sign-ins
                    </Button>
                  )}
                  {isManager && (
                    <Needs call={["PATCH", path("auth", "people", person.username)]}>
                      <Button
                        variant="default"
                        size="xs"
                        aria-label={`Rights of ${person.username}`}
                        onClick={() => setLimiting(person)}
                      >
                        Rights
                      </Button>
                    </Needs>
                  )}
                  {isManager && (
                    <Needs call={["DELETE", path("auth", "people", person.username)]}>
                      <Button
                        variant="subtle"
                        color="red"
                        c={isLast(person) ? undefined : "var(--lost)"}
                        size="xs"
                        disabled={isLast(person)}
                        title={isLast(person) ? "The last manager cannot be removed." : undefined}
                        aria-label={`Remove ${person.username}`}
                        onClick={() => setRemoving(person.username)}
                      >
                        Remove
                      </Button>
                    </Needs>
                  )}
                </div>
              </article>
            </li>
          ))}
        </ul>
      )}
      {isManager && <Invitations />}
      {isManager && <Issuer />}
      <p className={`soft small ${css.forgotten}`}>
        A forgotten password is replaced on the leader's machine: <code>pio people password NAME</code>
      </p>
      <AddPerson opened={adding} onClose={() => setAdding(false)} />
      <InvitePerson opened={inviting} onClose={() => setInviting(false)} />
      <SecondFactor opened={choosing} onClose={() => setChoosing(false)} />
      <ResetSecondFactor username={resetting} onClose={() => setResetting(undefined)} />
      <SignIns username={signedIn} onClose={() => setSignedIn(undefined)} />
      <ChangeRights person={limiting} onClose={() => setLimiting(undefined)} />
      <ChangePassword opened={changing} onClose={() => setChanging(false)} />
      <RemovePerson username={removing} isOwn={removing === own} onClose={() => setRemoving(undefined)} />
    </>
  );
}
