/** What the pages of profiles ask the leader. */

import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { finished, get, path, request } from "@/api/client";
import type { ProfilePreview, ProfileRow, ProfileRun, TaskAccepted, UnitAnswer } from "@/api/types";
import { EVERYONE } from "@/live/topics";

export const useProfiles = (): UseQueryResult<ProfileRow[], Error> =>
  useQuery({
    queryKey: ["profiles"],
    queryFn: ({ signal }) => get<ProfileRow[]>("/api/experiment_profiles", signal),
    staleTime: 5_000,
  });

export const useProfileText = (file: string): UseQueryResult<string, Error> =>
  useQuery({
    queryKey: ["profiles", file],
    queryFn: ({ signal }) => get<string>(path("api", "experiment_profiles", file), signal),
    enabled: file !== "",
    staleTime: 0,
  });

/** What each unit can run. */
export const useCapabilities = (): UseQueryResult<Record<string, UnitAnswer>, Error> =>
  useQuery({
    queryKey: ["capabilities"],
    // A unit that does not answer is no reason to show nothing of the others.
    queryFn: async ({ signal }) =>
      (await finished(await get<TaskAccepted>(path("api", "units", EVERYONE, "capabilities"), signal))) as Record<
        string,
        UnitAnswer
      >,
    staleTime: 60_000,
  });

export const usePreview = (text: string): UseQueryResult<ProfilePreview, Error> =>
  useQuery({
    queryKey: ["profile preview", text],
    queryFn: ({ signal }) => request<ProfilePreview>("POST", "/api/experiment_profiles/verify", { body: text }, signal),
    enabled: text !== "",
    staleTime: Infinity,
    placeholderData: (before) => before,
  });

export const useRecentRuns = (experiment: string): UseQueryResult<ProfileRun[], Error> =>
  useQuery({
    queryKey: ["profiles recent", experiment],
    queryFn: ({ signal }) =>
      get<ProfileRun[]>(path("api", "experiments", experiment, "experiment_profiles", "recent"), signal),
    enabled: experiment !== "",
    refetchInterval: 10_000,
  });
