/** Gathers what units can run into one list. */

import type { Capability, UnitAnswer } from "@/api/types";

export interface Runnable {
  /** The job, with its automation behind a slash. */
  name: string;
  help: string;
  options: string[];
  /** Those that can be changed while it runs. */
  settings: string[];
  units: string[];
}

const isSettable = (described: unknown): boolean =>
  typeof described === "object" && described !== null && (described as { settable?: unknown }).settable === true;

/** Return each job and automation once, with the units that have it, in the order of their names. */
export function runnableOf(answers: Readonly<Record<string, UnitAnswer>>): Runnable[] {
  const found = new Map<string, Runnable>();
  for (const [unit, answer] of Object.entries(answers)) {
    if (!answer.ok) continue;
    for (const one of (answer.value ?? []) as Capability[]) {
      const name = one.automation_name ? `${one.job_name}/${one.automation_name}` : one.job_name;
      const known = found.get(name);
      if (known) known.units.push(unit);
      else
        found.set(name, {
          name,
          help: one.help,
          options: one.options.map((option) => option.name),
          settings: Object.entries(one.published_settings).flatMap(([key, of]) => (isSettable(of) ? [key] : [])),
          units: [unit],
        });
    }
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** Return those whose name, options or settings contain every word. */
export function searched(all: readonly Runnable[], text: string): Runnable[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter(({ name, help, options, settings }) => {
    const said = [name, help, ...options, ...settings].join(" ").toLowerCase();
    return words.every((word) => said.includes(word));
  });
}
