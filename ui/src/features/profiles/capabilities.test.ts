import { expect, it } from "vitest";
import type { Capability, UnitAnswer } from "@/api/types";
import { runnableOf, searched } from "./capabilities";

const one = (job_name: string, more: Partial<Capability> = {}): Capability => ({
  job_name,
  help: "",
  arguments: [],
  options: [],
  published_settings: {},
  cli_example: "",
  ...more,
});
const of = (unit: string, ...value: Capability[]): UnitAnswer => ({ ok: true, unit, value }) as UnitAnswer;

it("lists what units can run once, and names those that have it", () => {
  const stirring = one("stirring", {
    published_settings: { target_rpm: { settable: true }, measured_rpm: { settable: false } },
  });
  const found = runnableOf({
    a: of("a", stirring, one("dosing_automation", { automation_name: "pulse" })),
    b: of("b", stirring),
    c: { ok: false, unit: "c" } as UnitAnswer,
  });
  expect(found.map(({ name, units }) => [name, units])).toEqual([
    ["dosing_automation/pulse", ["a"]],
    ["stirring", ["a", "b"]],
  ]);
  expect(found[1]?.settings).toEqual(["target_rpm"]);
  expect(searched(found, "rpm stir").map(({ name }) => name)).toEqual(["stirring"]);
  expect(searched(found, "")).toHaveLength(2);
});
