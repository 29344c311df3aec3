/** Which two experiments are compared: they are in the address, so a link shows others the same. */

import type { Experiment } from "@/api/types";

export const FIRST = "a";
export const SECOND = "b";

export const comparing = (path: string, first: string): string =>
  `${path}?${new URLSearchParams({ [FIRST]: first }).toString()}`;

/** The names asked for, or else the experiment shown now and the newest other one. */
export function pairOf(
  params: URLSearchParams,
  experiments: readonly Experiment[],
  current: string | undefined,
): [first: string, second: string] {
  const newest = [...experiments].sort((a, b) => b.created_at.localeCompare(a.created_at)).map((one) => one.experiment);
  const asked = params.get(SECOND) ?? undefined;
  const first = params.get(FIRST) ?? (current !== asked ? current : undefined) ?? newest.find((one) => one !== asked);
  const second = asked ?? (current !== first ? current : undefined) ?? newest.find((one) => one !== first);
  return [first ?? "", second ?? ""];
}
