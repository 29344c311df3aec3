/** What an import brings, and what not and why, as rows. */

import type { ImportPlan, ImportProgress } from "@/api/types";

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
};

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
