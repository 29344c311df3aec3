import { expect, it } from "vitest";
import { auditPath, readFilters } from "./filters";

it("asks for what the address says", () => {
  const filters = readFilters(new URLSearchParams("actor=ana&unit=b1&find=50%25"));
  expect(auditPath(filters)).toBe("/api/audit?limit=100&actor=ana&unit=b1&text=50%25");
  expect(auditPath(readFilters(new URLSearchParams()), 12)).toBe("/api/audit?limit=100&before=12");
});
