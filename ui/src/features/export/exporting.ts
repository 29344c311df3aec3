/** What an export is asked for, and how far it is. */

import type { Exports } from "@/api/types";

/** Return the moment that a field for local date and time shows, with its offset; null for an empty one. */
export const instant = (local: string): string | null => (local === "" ? null : new Date(local).toISOString());

/** "Writing od_readings: 40 % of 1000 rows" */
export function percent(progress: Exports["progress"] | undefined): string {
  if (progress == null) return "Starting the export…";
  const share = progress.total_rows === 0 ? 1 : progress.rows / progress.total_rows;
  return `Writing ${progress.dataset}: ${Math.floor(100 * share)} % of ${progress.total_rows.toLocaleString()} rows`;
}

/** "3.7 MB" */
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e5 ? 2 : 1)} MB`;

/** What the leader says of an export that is complete. */
export function messageOf(result: unknown): string {
  const done = result as { msg?: unknown } | null;
  return typeof done?.msg === "string" ? done.msg : "Exported.";
}
