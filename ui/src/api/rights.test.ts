import { describe, expect, it } from "vitest";
import { type Call, type Rights, refusalOf } from "./rights";

const RIGHTS = { role: "operator", units: null, experiments: null, areas: null } as Rights;
const EXPERIMENTS: Record<string, string> = { worker1: "Batch 1", worker2: "Batch 2" };
const refusal = (rights: Partial<Rights> | null, ...call: Call): string | undefined =>
  refusalOf(rights && { ...RIGHTS, ...rights }, call, (unit) => EXPERIMENTS[unit]);

const run = (unit: string, job = "stirring", experiment = "Batch%201"): string =>
  `/api/workers/${unit}/jobs/run/job_name/${job}/experiments/${experiment}`;

describe("what a person may not do is said before it is tried", () => {
  it.each([
    [{ role: "viewer" }, "PATCH", run("worker1"), "Needs the role operator on worker1; ask a manager."],
    [{ role: "viewer" }, "PATCH", run("$broadcast"), "Needs the role operator on all units; ask a manager."],
    [{ role: "viewer" }, "PATCH", "/auth/password", undefined],
    [{}, "PATCH", run("worker1"), undefined],
    [{}, "DELETE", "/api/workers/worker1", "Needs the role manager on worker1; ask a manager."],
    [{ role: "manager" }, "DELETE", "/api/workers/worker1", undefined],
    [{ units: ["worker1"] }, "PATCH", run("worker1"), undefined],
    [{ units: ["worker1"] }, "PATCH", run("worker2"), /limited to the units worker1;/],
    [{ units: ["worker1"] }, "PATCH", run("$broadcast"), /limited to the units/],
    [{ units: ["worker1"] }, "PATCH", run("worker1", "experiment_profile"), /limited to the units/],
    [{ units: ["worker1"] }, "POST", "/api/experiments", /limited to the units/],
    [{ units: ["worker1"] }, "POST", "/api/alarms/acknowledge", undefined],
    [{ experiments: ["Batch 1"] }, "PATCH", run("worker2"), undefined],
    [{ experiments: ["Batch 1"] }, "PATCH", run("worker1", "stirring", "Batch%202"), /limited to the experiments/],
    [{ experiments: ["Batch 1"] }, "POST", "/api/workers/worker1/blink", undefined],
    [{ experiments: ["Batch 1"] }, "POST", "/api/workers/worker2/blink", /limited to the experiments/],
    [null, "DELETE", "/api/workers/worker1", undefined],
  ] as [Partial<Rights> | null, Call[0], string, string | RegExp | undefined][])(
    "%o %s %s",
    (rights, method, path, said) => {
      const found = refusal(rights, method, path);
      if (said instanceof RegExp) expect(found).toMatch(said);
      else expect(found).toBe(said);
    },
  );
});

it("a request that no route takes is a fault of the panel", () => {
  expect(() => refusal({}, "POST", "/api/wurkers")).toThrow("No route takes POST /api/wurkers.");
});
