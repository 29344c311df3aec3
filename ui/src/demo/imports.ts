/** An import of the existing software as a leader reports it, and backups. */

import type { Backups, ImportPlan, ImportState, MadeBackup } from "@/api/types";

export const PLAN: ImportPlan = {
  database: {
    source: "3f1c9a20b7d4aa02",
    tables: [
      { name: "experiments", rows: 12, reason: "" },
      { name: "od_readings", rows: 812_334, reason: "" },
      { name: "workers", rows: 4, reason: "units join by themselves: pio cluster join" },
    ],
  },
  files: [{ kind: "calibration", name: "media_pump/pump-2025", reason: "" }],
  configuration: [
    {
      file: "config.ini",
      section: "stirring.config",
      key: "initial_target_rpm",
      value: "500",
      present: "400",
      reason: "",
    },
  ],
  notes: ["Of other units, to be copied to them as unit_config.ini: config_pio2.ini."],
  active: [{ kind: "calibration", device: "media_pump", name: "pump-2025", reason: "" }],
};

export const IMPORT_STATE: ImportState = {
  folders: ["/media/usb/sda1/.pioreactor"],
  size_bytes: 412_000_000,
  is_running: false,
  progress: null,
  last: {
    started_at: "2026-11-27T10:00:00.000Z",
    copy: "/home/pioreactor/.pioreactor/storage/imports/20261127T100000",
    rows: { od_readings: 120_000 },
    files: ["profile growth.yaml"],
    keys: ["[PWM] 1"],
    failed: [],
    active: [],
    ended_at: "2026-11-27T10:01:00.000Z",
    undone_at: "",
  },
};

export const MADE_BACKUP: MadeBackup = {
  name: "pioreactor-20261128T000000.sqlite",
  rows: 1_204_000,
  workers: ["worker1"],
  problems: [],
};

export const BACKUPS: Backups = {
  backups: [
    {
      pioreactor_unit: "leader",
      name: "pioreactor-20261122T000012.sqlite",
      size_bytes: 412_000_000,
      is_before_restore: false,
    },
  ],
  silent: [],
};
