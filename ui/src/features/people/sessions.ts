/** What is said about a browser in which a person is signed in. */

import type { SignedInBrowser } from "@/api/types";
import { moment, secondsOf } from "@/parts/format";

/** "from 10.0.0.7 · since 1 Nov 2026, 10:00 · last seen 2 Nov 2026, 11:30" */
export function seen({ address, opened_at, last_seen_at }: SignedInBrowser): string {
  const when = (iso: string): string => moment(secondsOf(iso));
  return [
    ...(address === "" ? [] : [`from ${address}`]),
    ...(opened_at == null ? [] : [`since ${when(opened_at)}`]),
    last_seen_at == null ? "not seen lately" : `last seen ${when(last_seen_at)}`,
  ].join(" · ");
}
