/** Plugins as units list them, and what a check of one finds. */

import type { ListedPlugin, PluginContents, UpdatedPlugins } from "@/api/types";

const sensor: ListedPlugin = {
  name: "gas-sensor",
  version: "1.2",
  source: "entry_points",
  author: "A laboratory",
  description: "Reads a gas sensor and records its pressure.",
  homepage: "",
  key: "gas-sensor",
  state: "enabled",
  note: "",
  origin: "package index",
  installed_at: "2026-11-20T10:00:00.000000Z",
};

const alarm: ListedPlugin = {
  ...sensor,
  name: "pump_alarm.py",
  version: "unknown",
  author: "",
  description: "",
  source: "plugins/pump_alarm.py",
  key: "pump_alarm.py",
  state: "disabled",
  note: "its import ended 2 processes",
  origin: "pump_alarm.py",
};

/** The plugins of a unit: the first two differ from the others. */
export function pluginsOf(index: number): ListedPlugin[] {
  if (index === 0) return [sensor, alarm];
  if (index === 1)
    return [{ ...sensor, version: "1.1", state: "restart", note: "version 1.2 is used from the next restart on" }];
  return [sensor];
}

export const CHECKED: PluginContents = {
  name: "valve",
  version: "2.0",
  description: "Opens a valve while OD is not read.",
  author: "Another laboratory",
  jobs: ["valve"],
  configuration: ["[valve.config] open_s"],
  charts: ["valve"],
  packages: ["smbus2 0.5.0"],
};

export const UPDATED: UpdatedPlugins = {
  before: { "gas-sensor": "1.2" },
  after: { "gas-sensor": "1.2" },
  messages: ["gas-sensor 1.2 is the newest version."],
  failed: [],
};
