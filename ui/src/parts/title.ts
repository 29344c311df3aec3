/** Titles of browser tabs: the page, then the experiment it shows. */

import { createContext, useContext, useEffect, useLayoutEffect } from "react";

const NAME = "Pioreactor";

const written = (parts: readonly (string | undefined)[]): string =>
  [...new Set([...parts, NAME].filter((part): part is string => part !== undefined && part !== ""))].join(" · ");

/** What the pages below are about: the experiment, where they show one. */
export const TitleContext = createContext<string | undefined>(undefined);

/** Title the tab after what a page shows. */
export function useTitle(page: string): void {
  const title = written([page, useContext(TitleContext)]);
  useEffect(() => {
    document.title = title;
  }, [title]);
}

/** Title the tab until the page has loaded and titles it itself: layout effects run before those of `useTitle`. */
export function useFirstTitle(...parts: readonly (string | undefined)[]): void {
  const title = written(parts);
  useLayoutEffect(() => {
    document.title = title;
  }, [title]);
}
