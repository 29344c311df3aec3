/** An import of the existing software as a leader reports it, and backups. */

import type {
  Backups,
  DatabaseStatus,
  ExperimentPlan,
  ImportedExperiment,
  ImportPlan,
  ImportState,
  MadeBackup,
} from "@/api/types";

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

export const EXPERIMENT_PLAN: ExperimentPlan = {
  experiments: ["Wild type"],
  software_version: "27.0.0",
  origin: "The archive is as it was signed, with a key that is not of this leader: SHA256:abc.",
  units: ["worker1"],
  tables: [
    { name: "od_readings", rows: 120_000, reason: "" },
    { name: "audit_trail", rows: 12, reason: "it is the signed record of the other cluster" },
  ],
  files: [
    { kind: "calibration", name: "media_pump/pump-of-worker1", reason: "" },
    { kind: "record", name: "config/config.ini", reason: "" },
    { kind: "stills", name: "stills/worker1: 40 files", reason: "pictures are kept by the cameras' units" },
  ],
  notes: ["plugins: archives have no code."],
};

export const IMPORTED_EXPERIMENT: ImportedExperiment = {
  experiments: ["Wild type"],
  rows: { od_readings: 120_000 },
  profiles: ["growth.yaml"],
  artifacts: [{ kind: "calibration", device: "media_pump", name: "pump-of-worker1" }],
  left_out: [{ name: "audit_trail", reason: "it is the signed record of the other cluster" }],
  record_files: 4,
  origin: EXPERIMENT_PLAN.origin,
};

export const RECORD = {
  imported_at: "2026-11-27T10:00:00.000Z",
  experiment: "Wild type",
  software_version: "27.0.0",
  units: [{ pioreactor_unit: "worker1" }],
  origin: EXPERIMENT_PLAN.origin,
  artifacts: IMPORTED_EXPERIMENT.artifacts,
  left_out: IMPORTED_EXPERIMENT.left_out,
  files: ["config/config.ini", "calibrations/units/worker1/media_pump/pump.yaml"],
};

export const IMPORT_STATE: ImportState = {
  experiment_bytes: null,
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

export const DATABASE: DatabaseStatus = {
  engine: "sqlite",
  version: "3.50.4",
  location: "/home/pioreactor/.pioreactor/storage/pioreactor.sqlite",
  size_bytes: 412_000_000,
  revision: "r0013",
  move_command: "pio database move postgresql://USER@HOST/DATABASE",
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
