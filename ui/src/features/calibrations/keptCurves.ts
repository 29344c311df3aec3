/** Calibrations and estimators of all units: asked for together, and put in use or out of use one by one. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ask, finished, get, path } from "@/api/client";
import type { TaskAccepted } from "@/api/types";
import { EVERYONE } from "@/live/topics";

export type CurveKind = "calibrations" | "estimators";

/** Ask all units for what they have; the task's result is read by `parse`. */
export function useKeptCurves<T>(kind: CurveKind, parse: (answers: Awaited<ReturnType<typeof finished>>) => T) {
  return useQuery<T>({
    queryKey: [kind],
    queryFn: async ({ signal }) =>
      parse(
        await finished(await get<TaskAccepted>(path("api", "workers", EVERYONE, kind), signal), {
          everyMs: 250,
          attempts: 80,
        }),
      ),
    staleTime: 10_000,
  });
}

export interface Toggled {
  unit: string;
  device: string;
  name: string;
  inUse: boolean;
}

/** Put a curve in use, or out of use if it is. */
export function useToggleUse(kind: CurveKind) {
  const client = useQueryClient();
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: [kind] });
  const toggle = useMutation({
    mutationFn: ({ unit, device, name, inUse }: Toggled) =>
      inUse
        ? ask("DELETE", path("api", "workers", unit, `active_${kind}`, device))
        : ask("PATCH", path("api", "workers", unit, `active_${kind}`, device, name)),
    onSettled: refresh,
  });
  return { toggle, refresh };
}
