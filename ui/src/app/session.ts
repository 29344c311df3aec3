/** Who is signed in. The cookie is the browser's alone; this page never sees it. */

import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { get, Refused, request } from "@/api/client";
import { ME } from "@/api/routes";
import type { Me, OidcStart } from "@/api/types";

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

/** `code` is that of a person with a second factor, or empty. */
export const signIn = (username: string, password: string, code: string): Promise<unknown> =>
  request("POST", "/auth/sign-in", { username, password, code: code === "" ? null : code });

/** Begin a sign-in at the issuer; the answer says where the browser goes. */
export const startAtIssuer = (): Promise<OidcStart> => request("POST", "/auth/oidc/start");

/** Whether the leader wants a code as well: the password is right. */
export const asksForCode = (error: unknown): boolean => error instanceof Refused && error.code === "second_factor";

export const signOut = (): Promise<unknown> => request("POST", "/auth/sign-out");
