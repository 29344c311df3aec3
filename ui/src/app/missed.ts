/** Asks the leader again for what the live stream should have completed, and did not. */

import type { Query, QueryClient } from "@tanstack/react-query";
import type { Bus } from "@/live/bus";
import { overlap } from "@/live/topics";

const streamOf = ({ meta }: Query): string | undefined => (typeof meta?.stream === "string" ? meta.stream : undefined);

/** Fetch again what is marked with `completedBy` whenever messages of its filter did not arrive; returns the end. */
export function refetchMissed(client: QueryClient, bus: Pick<Bus, "onMissed">): () => void {
  /** When each answer was asked for [ms of the browser's clock]. */
  const askedAtMs = new Map<string, number>();
  const queries = client.getQueryCache();
  const leaveQueries = queries.subscribe((event) => {
    const { queryHash } = event.query;
    if (event.type === "removed") askedAtMs.delete(queryHash);
    else if (event.type === "updated" && event.action.type === "fetch" && streamOf(event.query) !== undefined)
      askedAtMs.set(queryHash, Date.now());
  });
  const leaveBus = bus.onMissed(({ filter, untilMs }) => {
    void client.invalidateQueries({
      predicate: (query) => {
        const stream = streamOf(query);
        const askedMs = askedAtMs.get(query.queryHash);
        return stream !== undefined && askedMs !== undefined && askedMs < untilMs && overlap(filter, stream);
      },
    });
  });
  return () => {
    leaveQueries();
    leaveBus();
  };
}
