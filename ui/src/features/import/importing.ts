/** What an import brings, and what not and why, as rows. */

import type { ExperimentPlan, ImportedExperiment, ImportPlan, ImportProgress } from "@/api/types";
import { count } from "@/parts/format";

export interface PlannedRow {
  what: string;
  name: string;
  amount: string;
  /** Why it does not come over; empty if it does. */
  reason: string;
}

const KINDS: Record<string, string> = {
  calibration: "Calibration",
  estimator: "Estimator",
  profile: "Profile",
  dataset: "Dataset",
  model: "Model",
  plugin: "Plugin",
  record: "File to read",
  stills: "Camera stills",
  table: "Tables as CSV",
  other: "File",
};

/** Return the tables and files of an archive of an experiment. */
export function rowsOfExperiment(plan: ExperimentPlan): PlannedRow[] {
  const tables = plan.tables.filter((one) => one.rows > 0);
  return rowsOf({ ...plan, database: { source: "", tables }, configuration: [], active: [] });
}

export function rowsOf(plan: ImportPlan): PlannedRow[] {
  const tables = plan.database?.tables ?? [];
  return [
    ...tables.map((one) => ({
      what: "Table",
      name: one.name,
      amount: `${one.rows.toLocaleString("en")} rows`,
      reason: one.reason,
    })),
    ...plan.files.map((one) => ({
      what: KINDS[one.kind] ?? one.kind,
      name: one.name,
      amount: "",
      reason: one.reason,
    })),
    ...plan.active.map((one) => ({
      what: "In use",
      name: `${one.name} (${one.device})`,
      amount: "",
      reason: one.reason,
    })),
    ...plan.configuration.map((one) => ({
      what: "Configuration",
      name: `[${one.section}] ${one.key}`,
      amount: one.present ? `${one.present} → ${one.value}` : one.value,
      reason: one.reason,
    })),
  ];
}

export function progressText(progress: ImportProgress | null | undefined): string {
  if (!progress) return "Copying what is here, then importing…";
  const { table, rows, total_rows } = progress;
  return `${table}: ${rows.toLocaleString("en")} of ${total_rows.toLocaleString("en")} rows`;
}

/** Return the route that imports a folder in place of the archive that was sent. */
export function fromFolder(route: string, folder: string): string {
  return folder === "" ? route : `${route}?folder=${encodeURIComponent(folder)}`;
}

/** Return what came over of an experiment, in a sentence. */
export function importedText(result: unknown): string {
  const { experiments, rows, profiles, artifacts = [], record_files, origin } = result as ImportedExperiment;
  const total = Object.values(rows).reduce((sum, one) => sum + one, 0);
  const parts = [
    count(total, "row"),
    count(profiles.length, "profile"),
    count(artifacts.length, "calibration"),
    `${count(record_files, "file")} to read on the page Export`,
  ];
  return `Imported ${experiments.join(", ")}: ${parts.join(", ")}. ${origin}`;
}
