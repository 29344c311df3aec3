import { expect, it } from "vitest";
import type { AutomationDescriptor } from "@/api/types";
import { dilutionRate, draftOf, optionsOf } from "./StartAutomation";

const chemostat: AutomationDescriptor = {
  automation_name: "chemostat",
  display_name: "Chemostat",
  description: "",
  published_settings: [],
  fields: [
    { key: "duration", label: "Time between exchanges", default: 20, unit: "min", type: "numeric" },
    { key: "exchange_volume_ml", label: "Volume", default: 0.5, unit: "mL", type: "numeric" },
    { key: "note", label: "Note", default: null, type: "string", required: false },
  ],
};

it("starts with the declared defaults, and leaves out what is optional and empty", () => {
  expect(optionsOf(chemostat, draftOf(chemostat.fields))).toEqual({
    automation_name: "chemostat",
    duration: 20,
    exchange_volume_ml: 0.5,
  });
});

it("does not start with a field that is not a number", () => {
  expect(optionsOf(chemostat, { ...draftOf(chemostat.fields), duration: "soon" })).toBeUndefined();
});

it("says how fast a chemostat dilutes", () => {
  expect(dilutionRate({ automation_name: "chemostat", duration: 20, exchange_volume_ml: 0.5 }, 15)).toBeCloseTo(0.1);
  expect(dilutionRate({ automation_name: "chemostat", duration: 0, exchange_volume_ml: 0.5 }, 15)).toBeUndefined();
  expect(dilutionRate({ automation_name: "turbidostat", exchange_volume_ml: 0.5 }, 15)).toBeUndefined();
});
