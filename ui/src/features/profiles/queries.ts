/** What the pages of profiles ask the leader. */

import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { get, path, request } from "@/api/client";
import type { ProfilePreview, ProfileRow, ProfileRun } from "@/api/types";

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
