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

/** Where the trail is verified, against a head that was exported if there is one. */
export const verifyPath = (head?: { id: number; hash: string }): string =>
  head === undefined ? "/api/audit/verify" : `/api/audit/verify?head_id=${head.id}&head_hash=${head.hash}`;

/** The head of the trail in `audit_head.json` or `manifest.json` of an archive; throws for any other text. */
export function headOf(text: string): { id: number; hash: string } {
  const found = JSON.parse(text) as { id?: unknown; hash?: unknown; audit_trail?: { id?: unknown; hash?: unknown } };
  const { id, hash } = found?.audit_trail ?? found ?? {};
  if (typeof id !== "number" || !Number.isInteger(id) || id < 1 || !/^[0-9a-f]{64}$/.test(String(hash)))
    throw new Error("This file has no head of the audit trail; choose audit_head.json or manifest.json of an archive.");
  return { id, hash: String(hash) };
}

/** The route that answers these filters, for entries before the id `before`; 0: from the newest on. */
export function auditPath({ actor, unit, find }: AuditFilters, before = 0): string {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (actor !== "") query.set("actor", actor);
  if (unit !== "") query.set("unit", unit);
  if (find !== "") query.set("text", find);
  if (before > 0) query.set("before", String(before));
  return `/api/audit?${query}`;
}
