/** The experiment is the frame: which one the page looks at. It is in the address, so a link shows the same to others. */

import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { useExperiments } from "@/api/queries";
import type { Experiment } from "@/api/types";
import { useAddressParams } from "./addressParams";
import { LINKED, pick, REMEMBERED } from "./pickExperiment";
import { recall, remember } from "./remembered";

interface Frame {
  experiments: readonly Experiment[];
  current: Experiment | undefined;
  /** The experiment that the address names, when there is none of that name. */
  missing: string | undefined;
  choose: (name: string) => void;
  error: Error | null;
  fetching: boolean;
}

const FrameContext = createContext<Frame>({
  experiments: [],
  current: undefined,
  missing: undefined,
  choose: () => undefined,
  error: null,
  fetching: true,
});
/** Parameters of the address that have a meaning in one experiment only. */
const OF_ONE_EXPERIMENT = ["from", "to"];

/** Return an address within the panel that shows it for an experiment. */
export const inExperiment = (path: string, experiment: string): string =>
  `${path}${path.includes("?") ? "&" : "?"}${new URLSearchParams({ [LINKED]: experiment }).toString()}`;

export function ExperimentFrame({ children }: { children: ReactNode }) {
  const { data, error, isPending } = useExperiments();
  const [params, change] = useAddressParams();
  const [last, setLast] = useState(() => recall(REMEMBERED));
  const linked = params.get(LINKED);

  const choose = useCallback(
    (name: string) => {
      remember(REMEMBERED, name);
      setLast(name);
      change((now) => {
        for (const key of OF_ONE_EXPERIMENT) now.delete(key);
        now.set(LINKED, name);
      });
    },
    [change],
  );

  const frame = useMemo<Frame>(() => {
    const experiments = data ?? [];
    const missing = data && linked !== null && !data.some((one) => one.experiment === linked) ? linked : undefined;
    const current = missing === undefined ? pick(experiments, linked, last) : undefined;
    return { experiments, current, missing, choose, error, fetching: isPending };
  }, [data, error, isPending, linked, last, choose]);

  // A link that was followed is the choice for the pages that are opened next.
  const shown = frame.current?.experiment;
  useEffect(() => {
    if (linked === null || linked !== shown || linked === last) return;
    remember(REMEMBERED, linked);
    setLast(linked);
  }, [linked, shown, last]);
  return <FrameContext.Provider value={frame}>{children}</FrameContext.Provider>;
}

export const useFrame = (): Frame => useContext(FrameContext);

/** Keep the experiment that is shown in the address of a page that is about one. */
export function useExperimentInAddress(wanted: boolean): void {
  const { current } = useFrame();
  const [params, change] = useAddressParams();
  const name = current?.experiment;
  const written = params.get(LINKED);
  useEffect(() => {
    if (!wanted || name === undefined || written === name) return;
    change((now) => now.set(LINKED, name));
  }, [wanted, name, written, change]);
}
