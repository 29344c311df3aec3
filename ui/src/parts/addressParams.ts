/** Parameters in the address of a page: a link shows the same to others. */

import { useCallback } from "react";
import { useNavigate, useSearchParams } from "react-router";

export type ChangeParams = (change: (params: URLSearchParams) => void) => void;

/** Return the parameters, and what changes them without a step in the browser's history.
 *
 * A change begins with the address as it is. React Router's own setter begins with the last one that was rendered, so
 * that of two changes in quick succession the first is lost. */
export function useAddressParams(): [URLSearchParams, ChangeParams] {
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const change = useCallback<ChangeParams>(
    (apply) => {
      const present = new URLSearchParams(window.location.search);
      apply(present);
      navigate(`?${present}`, { replace: true });
    },
    [navigate],
  );
  return [params, change];
}
