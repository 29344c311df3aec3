/** An error says what happened and what to do about it. */

import type { ReactNode } from "react";
import { Refused } from "@/api/client";
import { Icon } from "./icons";
import css from "./parts.module.css";

export function Problem({ error, action }: { error: unknown; action?: ReactNode }) {
  const message = error instanceof Error ? error.message : String(error);
  const remedy = error instanceof Refused ? error.remedy : undefined;
  return (
    <div role="alert" className={css.problem}>
      <Icon name="lost" />
      <div>
        <p>{message}</p>
        {remedy && <p className="soft">{remedy}</p>}
        {action}
      </div>
    </div>
  );
}

/** What an empty place says: why it is empty, and what fills it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={css.empty}>
      <p className={css.emptyTitle}>{title}</p>
      {children}
    </div>
  );
}

export function Waiting({ what }: { what: string }) {
  return (
    <div className={css.empty} role="status">
      <Icon name="starting" spin />
      <span className="soft">Fetching {what}…</span>
    </div>
  );
}
