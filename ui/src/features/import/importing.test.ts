import { expect, it } from "vitest";
import { PLAN } from "@/demo/imports";
import { fromFolder, importedText, progressText, rowsOf } from "./importing";

it("shows what comes over and what not, and why", () => {
  const rows = rowsOf(PLAN);
  expect(rows.find((one) => one.name === "od_readings")).toMatchObject({ amount: "812,334 rows", reason: "" });
  expect(rows.find((one) => one.name === "workers")?.reason).toContain("pio cluster join");
  expect(rows.map((one) => one.what)).toContain("In use");
  expect(rows.find((one) => one.what === "Configuration")?.amount).toBe("400 → 500");
});

it("tells the progress", () => {
  expect(progressText(null)).toContain("Copying");
  expect(progressText({ table: "logs", rows: 1000, total_rows: 2000 })).toBe("logs: 1,000 of 2,000 rows");
});

it("tells what came over of an experiment", () => {
  const rows = { od_readings: 10, logs: 2 };
  const imported = { experiments: ["Wild type"], rows, profiles: ["a.yaml"], origin: "The archive is not signed." };
  expect(importedText(imported)).toBe("Imported Wild type: 12 rows, 1 profile. The archive is not signed.");
  expect(fromFolder("/api/import", "")).toBe("/api/import");
  expect(fromFolder("/api/import", "/media/a b")).toBe("/api/import?folder=%2Fmedia%2Fa%20b");
});
