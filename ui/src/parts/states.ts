/** The five words for the state of a job, as the laboratory reads them. */

export type Shown = "Starting" | "On" | "Paused" | "Off" | "Lost";

const WORDS: Record<string, Shown> = {
  init: "Starting",
  ready: "On",
  sleeping: "Paused",
  disconnected: "Off",
  lost: "Lost",
};

/** Nothing received of a job means that it never ran here: it is off. */
export const shown = (state: string | undefined): Shown => WORDS[state ?? "disconnected"] ?? "Off";

export const isRunning = (state: string | undefined): boolean =>
  state === "init" || state === "ready" || state === "sleeping";
