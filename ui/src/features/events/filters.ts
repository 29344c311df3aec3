/** The filters of the event log, and the question they make. */

import { path } from "@/api/client";
import { LEVELS } from "@/parts/levels";

export const PAGE = 100;

export type Scope = "experiment" | "cluster" | "everything";

export const SCOPES: { value: Scope; label: string }[] = [
  { value: "experiment", label: "This experiment" },
  { value: "cluster", label: "The units themselves" },
  { value: "everything", label: "Everything" },
];

export interface Filters {
  scope: Scope;
  unit: string;
  level: string;
  /** A text that messages contain. */
  find: string;
}

export function readFilters(params: URLSearchParams): Filters {
  const scope = SCOPES.find((one) => one.value === params.get("scope"))?.value ?? "experiment";
  const level = params.get("level") ?? "";
  return {
    scope,
    unit: params.get("unit") ?? "",
    level: (LEVELS as readonly string[]).includes(level) ? level : "INFO",
    find: params.get("find") ?? "",
  };
}

/** The route of the log that answers these filters, up to the number of events to skip. */
export function logsPath({ scope, unit, level, find }: Filters, experiment: string): string {
  const query = `?min_level=${level}${find === "" ? "" : `&search=${encodeURIComponent(find)}`}`;
  if (scope === "experiment")
    return (
      (unit
        ? path("api", "workers", unit, "experiments", experiment, "logs")
        : path("api", "experiments", experiment, "logs")) + query
    );
  if (scope === "cluster")
    return (
      (unit ? path("api", "units", unit, "system_logs") : path("api", "experiments", "$experiment", "logs")) + query
    );
  return (unit ? path("api", "units", unit, "logs") : path("api", "logs")) + query;
}
