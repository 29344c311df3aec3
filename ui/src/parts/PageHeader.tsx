/** One `h1` per page, what it is about below it, actions on the right; titles the browser's tab. */

import type { ReactNode } from "react";
import css from "./parts.module.css";
import { useTitle } from "./title";

interface Props {
  title: string;
  about?: ReactNode;
  actions?: ReactNode;
}

export function PageHeader({ title, about, actions }: Props) {
  useTitle(title);
  return (
    <header className={css.pageHeader}>
      <div className={css.pageTitle}>
        <h1>{title}</h1>
        {about && <div className={css.about}>{about}</div>}
      </div>
      {actions && <div className={css.actions}>{actions}</div>}
    </header>
  );
}
