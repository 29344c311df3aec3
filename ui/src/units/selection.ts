/** Which units of many are shown, and how much room each of them takes. */

import type { Reactor } from "@/api/types";

export type Arrangement = "cards" | "tiles" | "rows";
export type Shown = "all" | "attention" | "running" | "off";

export const SHOWN: { value: Shown; label: string }[] = [
  { value: "all", label: "All units" },
  { value: "attention", label: "Lost or paused" },
  { value: "running", label: "With activities" },
  { value: "off", label: "All off" },
];

export interface Condition {
  /** The unit or one of its jobs is lost, a job is paused, or records wait. */
  attention: boolean;
  /** A job runs. */
  running: boolean;
}

export const isArrangement = (text: string | undefined): text is Arrangement =>
  text === "cards" || text === "tiles" || text === "rows";

/** Return how so many units leave room for a chart: on the first screen of a desk, on the first two of a phone. */
export function arrangementFor(units: number, isPhone: boolean): Arrangement {
  const [cards, tiles] = isPhone ? [2, 8] : [6, 12];
  return units <= cards ? "cards" : units <= tiles ? "tiles" : "rows";
}

/** Return the units whose name, label or model contains the text and whose condition is asked for. */
export function selected(
  reactors: readonly Reactor[],
  labels: Record<string, string>,
  conditions: ReadonlyMap<string, Condition>,
  { text, show }: { text: string; show: Shown },
): readonly Reactor[] {
  const wanted = text.trim().toLowerCase();
  return reactors.filter(({ pioreactor_unit: unit, model_name }) => {
    const name = `${unit} ${labels[unit] ?? ""} ${model_name ?? ""}`.toLowerCase();
    const is = conditions.get(unit) ?? { attention: false, running: false };
    const fits = { all: true, attention: is.attention, running: is.running, off: !is.running }[show];
    return fits && name.includes(wanted);
  });
}
