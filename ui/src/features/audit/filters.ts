/** The filters of the audit trail, and the question they make. */

export const PAGE = 100;

export interface AuditFilters {
  actor: string;
  unit: string;
  find: string;
}

export const readFilters = (params: URLSearchParams): AuditFilters => ({
  actor: params.get("actor") ?? "",
  unit: params.get("unit") ?? "",
  find: params.get("find") ?? "",
});

/** The route that answers these filters, for entries before the id `before`; 0: from the newest on. */
export function auditPath({ actor, unit, find }: AuditFilters, before = 0): string {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (actor !== "") query.set("actor", actor);
  if (unit !== "") query.set("unit", unit);
  if (find !== "") query.set("text", find);
  if (before > 0) query.set("before", String(before));
  return `/api/audit?${query}`;
}
