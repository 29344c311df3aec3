import { expect, it } from "vitest";
import { instant, megabytes, messageOf, percent } from "./exporting";

it("sends moments with an offset, and none for an empty field", () => {
  expect(instant("")).toBeNull();
  expect(instant("2026-03-01T08:00")).toBe(new Date(2026, 2, 1, 8).toISOString());
});

it("says how far an export is", () => {
  expect(percent(null)).toBe("Starting the export…");
  expect(percent({ dataset: "logs", rows: 4, total_rows: 10 })).toBe("Writing logs: 40 % of 10 rows");
  expect(percent({ dataset: "logs", rows: 0, total_rows: 0 })).toContain("100 %");
});

it("gives sizes in MB", () => {
  expect([megabytes(3_660_000), megabytes(1222)]).toEqual(["3.7 MB", "0.00 MB"]);
});

it("says what the leader says of an export", () => {
  expect(messageOf({ msg: "Exported 12 rows. The archive is on the USB drive." })).toContain("USB drive");
  expect(messageOf(null)).toBe("Exported.");
});
