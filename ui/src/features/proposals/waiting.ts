/** Proposals as the leader lists them, and how many wait for a person. */

import { useQuery } from "@tanstack/react-query";
import { get } from "@/api/client";
import type { Proposal } from "@/api/types";
import { isOpen } from "./proposals";

/** Intervals [ms] at which the leader is asked: for the count beside the page's name, and on the page. */
const FOR_COUNT_MS = 30_000;
const ON_PAGE_MS = 5_000;

const useListed = (everyMs: number) =>
  useQuery({
    queryKey: ["proposals"],
    queryFn: ({ signal }) => get<Proposal[]>("/api/proposals", signal),
    refetchInterval: everyMs,
  });

export const useProposals = () => useListed(ON_PAGE_MS);

export const useWaitingProposals = (): number =>
  useListed(FOR_COUNT_MS).data?.filter((one) => isOpen(one, Date.now())).length ?? 0;
