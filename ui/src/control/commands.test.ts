import { afterEach, beforeEach, expect, it } from "vitest";
import { answerWith } from "@/api/client";
import { bus } from "@/live/bus";
import { change, pause, start, stop, type Where } from "./commands";

const where: Where = { unit: "$broadcast", units: ["a", "b", "c"], experiment: "e 1", job: "stirring" };
const asked: { method: string; path: string; body: unknown }[] = [];

function says(unit: string, state: string): void {
  bus.store.receive({ topic: `pioreactor/${unit}/e 1/stirring/$state`, payload: state, retained: true });
  bus.store.apply();
}

beforeEach(() => {
  asked.length = 0;
  globalThis.requestAnimationFrame = () => 0;
  (globalThis as { document?: unknown }).document = { hidden: false };
  answerWith((method, path, body) => {
    asked.push({ method, path, body });
    return Promise.resolve({ status: 202, body: { status: "success" } });
  });
});

afterEach(() => bus.store.forget("pioreactor/#"));

it("waits only for the units that can answer", () => {
  says("a", "ready");
  says("b", "sleeping");
  expect(pause(where).answers).toEqual(["pioreactor/a/e 1/stirring/$state"]);
  expect(stop(where).answers).toHaveLength(2);
  expect(start(where).answers).toEqual(["pioreactor/c/e 1/stirring/$state"]);
});

it("addresses the job over HTTP, names escaped", async () => {
  await change(where, "target_rpm", 400).issue();
  expect(asked[0]).toEqual({
    method: "PATCH",
    path: "/api/workers/%24broadcast/jobs/update/job_name/stirring/experiments/e%201",
    body: { settings: { target_rpm: 400 } },
  });
});

it("is not confirmed by a job that went away", () => {
  expect(start(where).confirms("lost")).toBe(false);
  expect(start(where).confirms("init")).toBe(true);
  expect(stop(where).confirms("lost")).toBe(false);
});
