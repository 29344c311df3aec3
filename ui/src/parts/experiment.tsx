/** The experiment is the frame: which one the page looks at, remembered, and linkable with `?experiment=`. */

import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import { useExperiments } from "@/api/queries";
import type { Experiment } from "@/api/types";

interface Frame {
  experiments: readonly Experiment[];
  current: Experiment | undefined;
  choose: (name: string) => void;
  error: Error | null;
  fetching: boolean;
}

const FrameContext = createContext<Frame>({
  experiments: [],
  current: undefined,
  choose: () => undefined,
  error: null,
  fetching: true,
});
const REMEMBERED = "pioreactor.experiment";

/** Return the experiment asked for, or else the newest that has units, or else the newest. */
export function pick(experiments: readonly Experiment[], ...names: (string | null)[]): Experiment | undefined {
  for (const name of names) {
    const found = experiments.find((one) => one.experiment === name);
    if (found) return found;
  }
  const newestFirst = [...experiments].sort((a, b) => b.created_at.localeCompare(a.created_at));
  return newestFirst.find((one) => one.worker_count > 0) ?? newestFirst[0];
}

export function ExperimentFrame({ children }: { children: ReactNode }) {
  const { data, error, isPending } = useExperiments();
  const [params, setParams] = useSearchParams();
  const [remembered, remember] = useState(() => localStorage.getItem(REMEMBERED));
  const linked = params.get("experiment");

  const choose = useCallback(
    (name: string) => {
      localStorage.setItem(REMEMBERED, name);
      remember(name);
      setParams(
        (before) => {
          before.delete("experiment");
          return before;
        },
        { replace: true },
      );
    },
    [setParams],
  );

  const frame = useMemo<Frame>(() => {
    const experiments = data ?? [];
    return { experiments, current: pick(experiments, linked, remembered), choose, error, fetching: isPending };
  }, [data, error, isPending, linked, remembered, choose]);
  return <FrameContext.Provider value={frame}>{children}</FrameContext.Provider>;
}

export const useFrame = (): Frame => useContext(FrameContext);
