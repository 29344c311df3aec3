import { expect, it } from "vitest";
import { logsPath, readFilters } from "./filters";

it("reads the address, and does not trust it", () => {
  expect(readFilters(new URLSearchParams("unit=r1&level=LOUD&scope=moon"))).toEqual({
    scope: "experiment",
    unit: "r1",
    level: "INFO",
  });
  expect(readFilters(new URLSearchParams("level=ERROR&scope=everything")).level).toBe("ERROR");
});

it.each([
  [{ scope: "experiment", unit: "", level: "INFO" }, "/api/experiments/my%20run/logs?min_level=INFO"],
  [{ scope: "experiment", unit: "r1", level: "INFO" }, "/api/workers/r1/experiments/my%20run/logs?min_level=INFO"],
  [{ scope: "cluster", unit: "r1", level: "DEBUG" }, "/api/units/r1/system_logs?min_level=DEBUG"],
  [{ scope: "everything", unit: "", level: "ERROR" }, "/api/logs?min_level=ERROR"],
] as const)("asks %j of %s", (filters, where) => expect(logsPath(filters, "my run")).toBe(where));
