/** The bench beside a simulated reactor: which vial is in, where the tubes lead, and what the scale shows. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { get, path, Refused, request } from "@/api/client";
import type { Call } from "@/api/rights";
import type { components } from "@/api/schema";
import type { BenchOffer } from "./metadata";

export type LabBenchState = components["schemas"]["LabBenchState"];
export type BenchAct = components["schemas"]["UseBench"];

const WATCH_EVERY_MS = 1000;

const benchPath = (unit: string): string => path("api", "workers", unit, "simulation", "bench");

/**
 * What lies there now; null beside a real reactor. `moment` is anything that changes when it has to be asked anew:
 * what was true before is still shown meanwhile, and `isFresh` says so. `watched` looks again every second.
 */
export function useBench(unit: string, moment: string, watched = false) {
  const client = useQueryClient();
  const found = useQuery<LabBenchState | null>({
    queryKey: ["bench", unit, moment],
    queryFn: ({ signal }) =>
      get<LabBenchState>(benchPath(unit), signal).catch((error: unknown) =>
        error instanceof Refused && error.status === 404 ? null : Promise.reject(error as Error),
      ),
    placeholderData: (before, query) => (query?.queryKey[1] === unit ? before : undefined),
    staleTime: Infinity,
    refetchInterval: ({ state }) => (watched && state.data ? WATCH_EVERY_MS : false),
  });
  const ofUnit = { queryKey: ["bench", unit] };
  const acting = useMutation({
    mutationFn: (act: BenchAct) => request<LabBenchState>("POST", benchPath(unit), act),
    onSuccess: async (state) => {
      // A look that is on its way may have been taken before the act, and the moment may have changed since.
      await client.cancelQueries(ofUnit);
      client.setQueriesData<LabBenchState | null>(ofUnit, state);
    },
  });
  return {
    needs: ["POST", benchPath(unit)] as Call,
    state: found.data ?? undefined,
    isFresh: found.isSuccess && !found.isPlaceholderData,
    acting,
  };
}

/** Whether anything is not where it belongs while a culture grows. */
export const isUsed = (state: LabBenchState): boolean => state.vial === "standard" || state.tubes === "cup";

/**
 * What the bench knows that a step asks for, by the name of its field. The vial is where hands left it; the scale has
 * to be read anew after each step, for a pump may have run.
 */
export function knownTo(offer: BenchOffer, state: LabBenchState | undefined, isFresh: boolean): Record<string, string> {
  const known: Record<string, string> = {};
  if (!state) return known;
  if (offer.vial?.field && state.vial === "standard" && state.standard_od !== null)
    known[offer.vial.field] = String(state.standard_od);
  if (isFresh && offer.cup?.field && state.tubes === "cup" && state.cup_ml > 0)
    known[offer.cup.field] = String(state.cup_ml);
  return known;
}
