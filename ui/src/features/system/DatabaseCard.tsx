/** The database of the leader: which one, how large, where, its last backup, and how it is moved. */

import { useQuery } from "@tanstack/react-query";
import { get } from "@/api/client";
import type { Backups, DatabaseStatus } from "@/api/types";
import { Problem } from "@/parts/Problem";
import { databaseFacts } from "./machine";
import css from "./system.module.css";

const MINUTE = 60_000;

export function DatabaseCard() {
  const database = useQuery({
    queryKey: ["database"],
    queryFn: ({ signal }) => get<DatabaseStatus>("/api/database", signal),
    refetchInterval: MINUTE,
  });
  const backups = useQuery({
    queryKey: ["backups"],
    queryFn: ({ signal }) => get<Backups>("/api/backups", signal),
    refetchInterval: MINUTE,
  });
  const error = database.error ?? backups.error;
  return (
    <section className={`panel ${css.card}`} aria-labelledby="database">
      <div className={css.head}>
        <h2 id="database">Database</h2>
      </div>
      {error && <Problem error={error} />}
      {database.data && (
        <>
          <dl className={css.facts}>
            {databaseFacts(database.data, backups.data).map(({ name, text }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
          <p className="soft">
            To move it, stop the services of the leader, which use it, and type on the leader:{" "}
            <code>sudo systemctl stop 'pioreactor*'</code>, <code>{database.data.move_command}</code>. Every row is
            copied and compared, and its progress is shown; units keep what they record meanwhile.
          </p>
        </>
      )}
    </section>
  );
}
