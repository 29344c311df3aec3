/** The plugins of a cluster, out of what each unit answered. */

import { finished, get, path, request } from "@/api/client";
import type { ListedPlugin, PluginContents, TaskAccepted, UnitAnswer } from "@/api/types";
import { EVERYONE } from "@/live/topics";

/** A plugin, and what it is on each unit that has it. */
export interface ClusterPlugin {
  name: string;
  description: string;
  author: string;
  units: (ListedPlugin & { unit: string })[];
}

export type Answers = Record<string, UnitAnswer>;

/** Ask every unit for its plugins; a unit that does not answer is in the result with its error. */
export async function fetchPlugins(signal?: AbortSignal): Promise<Answers> {
  return (await finished(
    await get<TaskAccepted>(path("api", "units", EVERYONE, "plugins", "installed"), signal),
  )) as Answers;
}

const listOf = (answer: UnitAnswer): ListedPlugin[] => (answer.ok ? ((answer.value ?? []) as ListedPlugin[]) : []);

/** Group what units have by plugin, in the order of names. */
export function byPlugin(answers: Answers): ClusterPlugin[] {
  const found = new Map<string, ClusterPlugin>();
  for (const [unit, answer] of Object.entries(answers).sort(([a], [b]) => a.localeCompare(b))) {
    for (const plugin of listOf(answer)) {
      const key = plugin.key === "" ? plugin.name : (plugin.key ?? plugin.name);
      const known = found.get(key) ?? { name: plugin.name, description: "", author: "", units: [] };
      known.description ||= plugin.description;
      known.author ||= plugin.author;
      known.units.push({ ...plugin, unit });
      found.set(key, known);
    }
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** The units that did not answer. */
export const silent = (answers: Answers): string[] =>
  Object.entries(answers).flatMap(([unit, answer]) => (answer.ok ? [] : [unit]));

const STATES: Record<string, string> = {
  enabled: "in use",
  disabled: "disabled",
  failed: "not in use",
  restart: "restart needed",
};

export const stateText = (plugin: ListedPlugin): string => STATES[plugin.state ?? "enabled"] ?? "";

/** What a check found, as lines of a heading and names. */
export function linesOf(contents: PluginContents): [string, string[]][] {
  const lines: [string, string[] | undefined][] = [
    ["Jobs", contents.jobs],
    ["Automations", contents.automations],
    ["Commands", contents.commands],
    ["Calibration protocols", contents.calibrations],
    ["Recorded quantities", contents.measurements],
    ["Tables", contents.tables],
    ["Configuration", contents.configuration],
    ["Charts", contents.charts],
    ["Datasets", contents.datasets],
    ["Scripts, not run from here", contents.scripts],
    ["Further packages", contents.packages],
  ];
  return lines.flatMap(([heading, names]) => (names && names.length > 0 ? [[heading, names]] : []));
}

/** What to install: a package by name, or a file of this computer. */
export interface Wanted {
  name: string;
  version: string;
  file: File | null;
}

/** Whether there is enough to ask for. */
export const isComplete = ({ name, file }: Wanted): boolean => file !== null || name.trim() !== "";

/** The body of a request; a file was sent before, and is named. */
export const bodyOf = ({ name, version, file }: Wanted): unknown =>
  file !== null
    ? { args: [], options: { source: file.name } }
    : { args: [name.trim()], options: version.trim() === "" ? {} : { version: version.trim() } };

/** Send the file, if it is one, to a unit or all. */
export async function send({ file }: Wanted, unit: string): Promise<void> {
  if (file !== null) await request("PUT", path("api", "units", unit, "plugins", "received", file.name), file);
}
