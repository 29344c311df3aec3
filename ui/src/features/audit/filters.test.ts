import { expect, it } from "vitest";
import { auditPath, headOf, readFilters, verifyPath } from "./filters";

it("asks for what the address says", () => {
  const filters = readFilters(new URLSearchParams("actor=ana&unit=b1&find=50%25"));
  expect(auditPath(filters)).toBe("/api/audit?limit=100&actor=ana&unit=b1&text=50%25");
  expect(auditPath(readFilters(new URLSearchParams()), 12)).toBe("/api/audit?limit=100&before=12");
});

it("verifies against the head of an archive, and refuses other files", () => {
  const head = { id: 7, timestamp: "2026-11-30T00:00:00Z", hash: "a".repeat(64), signed: null };
  const path = `/api/audit/verify?head_id=7&head_hash=${head.hash}`;
  expect(verifyPath(headOf(JSON.stringify(head)))).toBe(path);
  expect(verifyPath(headOf(JSON.stringify({ audit_trail: head })))).toBe(path);
  for (const text of [
    "",
    "null",
    "[]",
    "{}",
    "PK",
    JSON.stringify({ ...head, id: 0 }),
    JSON.stringify({ id: 1, hash: "x" }),
  ])
    expect(() => headOf(text)).toThrow();
});
