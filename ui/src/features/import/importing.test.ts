import { expect, it } from "vitest";
import { EXPERIMENT_PLAN, IMPORTED_EXPERIMENT, PLAN } from "@/demo/imports";
import { fromFolder, importedText, progressText, rowsOf, rowsOfExperiment } from "./importing";

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
  expect(importedText(IMPORTED_EXPERIMENT)).toBe(
    "Imported Wild type: 120000 rows, 1 profile, 1 calibration, 4 files to read on the page Export. " +
      EXPERIMENT_PLAN.origin,
  );
  const rows = rowsOfExperiment(EXPERIMENT_PLAN);
  expect(rows.map((one) => one.what)).toEqual(["Table", "Table", "Calibration", "File to read", "Camera stills"]);
  expect(rows[1]?.reason).toContain("signed record");
  expect(fromFolder("/api/import", "")).toBe("/api/import");
  expect(fromFolder("/api/import", "/media/a b")).toBe("/api/import?folder=%2Fmedia%2Fa%20b");
});
