/** Fetches the parts of the first page while the leader is still asked who is signed in. */

const PARTS: readonly [path: RegExp, load: () => Promise<unknown>[]][] = [
  [/^\/(overview\/?)?$/, () => [import("@/features/overview/Overview"), import("@/charts/Charts")]],
  [/^\/pioreactors\b/, () => [import("@/features/pioreactors/Pioreactors"), import("@/charts/Charts")]],
];

/** Begin to fetch the parts that the page at a path consists of. */
export function fetchAhead(path: string): void {
  for (const [pattern, load] of PARTS) {
    // The page itself asks again for what failed, and reports it.
    if (pattern.test(path)) for (const part of load()) part.catch(() => undefined);
  }
}
