/** Who is signed in. The cookie is the browser's alone; this page never sees it. */

import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { get, Refused, request } from "@/api/client";
import { ME } from "@/api/routes";
import type { Me } from "@/api/types";

export type Person = Pick<Me, "username" | "rights">;

export const personAsked = {
  queryKey: ["me"],
  staleTime: Infinity,
  queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Person | null> => {
    try {
      return await get<Person>(ME, signal);
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return null;
      throw error;
    }
  },
};

/** The person signed in, or null. */
export const usePerson = (): UseQueryResult<Person | null, Error> => useQuery(personAsked);

export const signIn = (username: string, password: string): Promise<unknown> =>
  request("POST", "/auth/sign-in", { username, password });

export const signOut = (): Promise<unknown> => request("POST", "/auth/sign-out");
