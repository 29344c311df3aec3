import { expect, it } from "vitest";
import { narrowed, narrowedJob } from "./descriptors";
import type { AutomationDescriptor, JobDescriptor } from "./types";

const thermostat = (max: number): AutomationDescriptor => ({
  automation_name: "thermostat",
  display_name: "Thermostat",
  description: "",
  fields: [{ key: "target_temperature", label: "Target", type: "numeric", min: 0, max }],
  published_settings: [{ key: "target_temperature", type: "numeric", display: true, min: 0, max }],
});
const other: AutomationDescriptor = { ...thermostat(1), automation_name: "of_a_plugin" };

it("offers what all units can run, within bounds that hold on all", () => {
  const [found, ...more] = narrowed([[thermostat(78), other], [thermostat(63)]]) ?? [];
  expect(more).toEqual([]);
  expect(found?.fields[0]).toMatchObject({ min: 0, max: 63 });
  expect(found?.published_settings?.[0]).toMatchObject({ min: 0, max: 63 });
});

it("is undefined until a unit has answered", () => expect(narrowed([])).toBeUndefined());

it("keeps settings without bounds as they are", () => {
  const job = (max?: number): JobDescriptor => ({
    job_name: "stirring",
    display_name: "Stirring",
    display: true,
    published_settings: [{ key: "target_rpm", type: "numeric", display: true, ...(max === undefined ? {} : { max }) }],
  });
  expect(narrowedJob([job()])?.published_settings[0]).not.toHaveProperty("max");
  expect(narrowedJob([job(5000), job(), job(2000)])?.published_settings[0]).toMatchObject({ max: 2000 });
});
