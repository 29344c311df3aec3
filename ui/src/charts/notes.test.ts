import { expect, it } from "vitest";
import { notesOf, shortened } from "./notes";

const row = (timestamp: string, message: string, pioreactor_unit: string) => ({
  timestamp,
  message,
  pioreactor_unit,
  level: "INFO",
  task: "note",
  experiment: "e",
});
const rows = [
  row("2026-01-01T02:00:00Z", "inoculated", "r2"),
  row("2026-01-01T01:00:00Z", "new bottle", "r1"),
  row("2026-01-01T01:00:00Z", "new bottle", "r2"),
];

it("shows a note for all units once, in the order of time", () => {
  expect(notesOf(rows).map(({ text }) => text)).toEqual(["new bottle", "inoculated"]);
  expect(notesOf(rows, "r1").map(({ text }) => text)).toEqual(["new bottle"]);
});

it("shows the beginning of a long note", () => {
  expect(shortened("short")).toBe("short");
  expect(shortened("Changed the media bottle; new batch 22-11.")).toBe("Changed the media bot…");
});
