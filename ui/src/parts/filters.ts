/** Filters of a list, kept in the address: a link shows the same rows. */

import { useAddressParams } from "./addressParams";

/** Return the parameters, and what sets one; a blank value removes it. */
export function useFilters(): [URLSearchParams, (key: string, value: string) => void] {
  const [params, change] = useAddressParams();
  const set = (key: string, value: string): void =>
    change((now) => {
      if (value === "") now.delete(key);
      else now.set(key, value);
    });
  return [params, set];
}
