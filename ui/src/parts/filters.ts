/** Filters of a list, kept in the address: a link shows the same rows. */

import { useSearchParams } from "react-router";

/** Return the parameters, and what sets one (a blank value removes it) without a step in the browser's history. */
export function useFilters(): [URLSearchParams, (key: string, value: string) => void] {
  const [params, setParams] = useSearchParams();
  const set = (key: string, value: string): void =>
    setParams(
      (before) => {
        if (value === "") before.delete(key);
        else before.set(key, value);
        return before;
      },
      { replace: true },
    );
  return [params, set];
}
