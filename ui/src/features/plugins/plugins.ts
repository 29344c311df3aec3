/** The plugins of a cluster, out of what each unit answered. */

import { ask, finished, get, path, Refused, request } from "@/api/client";
import type {
  ListedPlugin,
  PluginContents,
  TaskAccepted,
  UnitAnswer,
  UpdatedPlugins,
  UsbArtifact,
  UsbState,
} from "@/api/types";
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

/** What to install: a package by name, a file of this computer, or one on a USB drive of the leader. */
export interface Wanted {
  name: string;
  version: string;
  file: File | null;
  onUsb: string;
  /** Whether `onUsb` is a file of the unit's own drive, not of the leader's. */
  isOnUnit: boolean;
}

export const NOTHING: Wanted = { name: "", version: "", file: null, onUsb: "", isOnUnit: false };

/** Whether there is enough to ask for. */
export const isComplete = ({ name, file, onUsb }: Wanted): boolean =>
  file !== null || onUsb !== "" || name.trim() !== "";

/** The body of a request; a file was sent before, and is named. */
export const bodyOf = ({ name, version, file, onUsb }: Wanted): unknown => {
  if (onUsb !== "") return { filepath: onUsb };
  if (file !== null) return { args: [], options: { source: file.name } };
  return { args: [name.trim()], options: version.trim() === "" ? {} : { version: version.trim() } };
};

/** The route that checks or installs it on a unit or all. */
export const routeOf = (unit: string, what: "check" | "install", { onUsb, isOnUnit }: Wanted): string =>
  path("api", "units", unit, "plugins", onUsb === "" ? what : `${what}-from-${isOnUnit ? "usb" : "leader-usb"}`);

/** Send the file, if it is one of this computer, to a unit or all. */
export async function send({ file }: Wanted, unit: string): Promise<void> {
  if (file !== null) await request("PUT", path("api", "units", unit, "plugins", "received", file.name), file);
}

/** The files of plugins on the mounted drives of the leader: where each is, and what it is called. */
export function filesOn(usb: UsbState | undefined, artifacts: readonly UsbArtifact[]): [string, string][] {
  const folders = new Map(usb?.drives.flatMap(({ device, path }) => (path == null ? [] : [[device, path]])));
  return artifacts.flatMap(({ kind, device, filepath }): [string, string][] => {
    const folder = folders.get(device);
    return kind === "plugin" && folder !== undefined ? [[`${folder}/${filepath}`, filepath]] : [];
  });
}

const OF_INDEX = "package index";

/** The units whose plugin came from the package index, which may have a newer version. */
export const updatable = (plugin: ClusterPlugin): ClusterPlugin["units"] =>
  plugin.units.filter((one) => one.origin === OF_INDEX);

/** An installation waits for the package index, and for the import of what it brings. */
export const LONG = { everyMs: 1000, attempts: 600 };

/** Install the newest version on each unit; return what was done there, or why not. */
export async function update(plugin: ClusterPlugin): Promise<[string, string][]> {
  const texts: [string, string][] = [];
  for (const { unit, key } of updatable(plugin)) texts.push([unit, await updateOn(unit, key)]);
  return texts;
}

async function updateOn(unit: string, key: string | undefined): Promise<string> {
  try {
    const answers = await ask("POST", path("api", "units", unit, "plugins", "update"), { args: [key] }, LONG);
    return updateText((answers as Answers)[unit]);
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

/** What an update did on a unit. */
export function updateText(answer: UnitAnswer | undefined): string {
  const done = answer?.value as UpdatedPlugins | undefined;
  return done === undefined ? "No answer." : [...done.failed, ...done.messages].join(" ");
}
