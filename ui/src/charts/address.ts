/** The stretch of time that charts show, in the address: a link shows others the same stretch. */

import { useEffect, useSyncExternalStore } from "react";
import { useAddressParams } from "@/parts/addressParams";
import { secondsOf } from "@/parts/format";
import type { Range, SharedAxis, Window } from "./axis";
import { windowIn } from "./wanted";

/** What is shown: the last hours, or a stretch between two moments [s]. */
export interface Stretch {
  window: Window | undefined;
  zoom: Range | undefined;
}

const WRITTEN_AFTER_MS = 300;

export function readStretch(params: URLSearchParams): Stretch {
  const [from, to] = [secondsOf(params.get("from") ?? ""), secondsOf(params.get("to") ?? "")];
  return { window: windowIn(params), zoom: to > from ? [from, to] : undefined };
}

const moment = (seconds: number): string => new Date(Math.round(seconds) * 1000).toISOString().replace(".000Z", "Z");

/** Put a stretch into the parameters of an address. */
export function writeStretch(params: URLSearchParams, { window, zoom }: Stretch): URLSearchParams {
  const written: Record<string, string | undefined> = {
    window: window === undefined || window === "all" ? undefined : String(window),
    from: zoom && moment(zoom[0]),
    to: zoom && moment(zoom[1]),
  };
  for (const [key, text] of Object.entries(written)) {
    if (text === undefined) params.delete(key);
    else params.set(key, text);
  }
  return params;
}

const keyOf = (stretch: Stretch): string => writeStretch(new URLSearchParams(), stretch).toString();

/** Keep axis and address at the same stretch, whichever of them changes. */
export function useStretchInAddress(axis: SharedAxis): void {
  const [params, change] = useAddressParams();
  const asked = keyOf(readStretch(params));
  const shown = useSyncExternalStore(axis.subscribe, () => keyOf(axis));
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new address moves the axis, not the axis itself
  useEffect(() => {
    if (asked === keyOf(axis)) return;
    const { window, zoom } = readStretch(params);
    axis.set({ zoom, ...(window === undefined ? {} : { window }) });
  }, [asked]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a moved axis changes the address
  useEffect(() => {
    if (shown === asked) return undefined;
    const timer = setTimeout(() => change((now) => writeStretch(now, axis)), WRITTEN_AFTER_MS);
    return () => clearTimeout(timer);
  }, [shown]);
}
