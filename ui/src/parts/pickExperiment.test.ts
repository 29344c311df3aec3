import { expect, it } from "vitest";
import type { Experiment } from "@/api/types";
import { pick } from "./pickExperiment";

const one = (experiment: string, created_at: string, worker_count: number): Experiment => ({
  experiment,
  created_at,
  worker_count,
  description: null,
  tags: [],
});
const all = [one("old", "2026-01-01", 0), one("runs", "2026-02-01", 3), one("planned", "2026-03-01", 0)];

it("shows the one asked for, and forgets names that are gone", () => {
  expect(pick(all, "old", "runs")?.experiment).toBe("old");
  expect(pick(all, "deleted", "planned")?.experiment).toBe("planned");
});

it("shows what is running to a person who asked for nothing", () => {
  expect(pick(all, null)?.experiment).toBe("runs");
  expect(pick([all[0] as Experiment, all[2] as Experiment])?.experiment).toBe("planned");
  expect(pick([])).toBeUndefined();
});
