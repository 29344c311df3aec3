import { expect, it } from "vitest";
import { logsPath, readFilters } from "./filters";

it("reads the address, and does not trust it", () => {
  expect(readFilters(new URLSearchParams("unit=r1&level=LOUD&scope=moon"))).toEqual({
    scope: "experiment",
    unit: "r1",
    level: "INFO",
    find: "",
  });
  expect(readFilters(new URLSearchParams("level=ERROR&scope=everything")).level).toBe("ERROR");
});

it.each([
  [{ scope: "experiment", unit: "", level: "INFO", find: "" }, "/api/experiments/my%20run/logs?min_level=INFO"],
  [
    { scope: "experiment", unit: "r1", level: "INFO", find: "" },
    "/api/workers/r1/experiments/my%20run/logs?min_level=INFO",
  ],
  [{ scope: "cluster", unit: "r1", level: "DEBUG", find: "" }, "/api/units/r1/system_logs?min_level=DEBUG"],
  [{ scope: "everything", unit: "", level: "ERROR", find: "50 %" }, "/api/logs?min_level=ERROR&search=50%20%25"],
] as const)("asks %j of %s", (filters, where) => expect(logsPath(filters, "my run")).toBe(where));
