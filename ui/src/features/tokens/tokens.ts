/** What is said about a token. */

import type { AccessToken } from "@/api/types";
import { described } from "@/features/people/rights";
import { moment, secondsOf } from "@/parts/format";

/** "created 1 Nov 2026, 10:00, last used 2 Nov 2026, 11:30, expires 1 Dec 2026, 10:00" */
export function usage(token: AccessToken): string {
  const when = (iso: string): string => moment(secondsOf(iso));
  return [
    `created ${when(token.created_at)}`,
    token.last_used_at == null ? "never used" : `last used ${when(token.last_used_at)}`,
    ...(token.rights ? [limits(token.rights)] : []),
    token.expires_at == null ? "does not expire" : `expires ${when(token.expires_at)}`,
  ].join(" · ");
}

function limits(rights: NonNullable<AccessToken["rights"]>): string {
  const of = described({ role: rights.role ?? "viewer", units: rights.units, experiments: rights.experiments });
  return rights.areas == null ? of : `${of}, only ${rights.areas.join(", ")}`;
}
