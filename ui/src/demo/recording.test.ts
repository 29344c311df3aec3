import { describe, expect, it } from "vitest";
import type { Method } from "@/api/client";
import { alarmReads, someAlarms } from "./alarms";
import { makeDemo } from "./demo";
import { Tasks } from "./leader";
import { machineReads } from "./machines";
import { recordedFiles, shiftTimes } from "./recording";
import { answerDifferences } from "./schema";
import { someTokens, writes } from "./writes";

const { answers, messages } = recordedFiles();

describe("a recorded answer fits the leader's OpenAPI document", () => {
  it.each(Object.entries(answers.answers))("%s", (path, { status, body }) => {
    const method = path.endsWith("/verify") ? "POST" : "GET";
    expect(answerDifferences(method, path, status, body)).toEqual([]);
  });
});

it("lists tokens as the leader does", () => {
  expect(answerDifferences("GET", "/auth/tokens", 200, someTokens(0))).toEqual([]);
});

it.each(Object.entries(machineReads(makeDemo().cluster)))("answers %s as the leader does", (path, read) => {
  expect(answerDifferences("GET", path, 200, read())).toEqual([]);
});

it.each(Object.entries(alarmReads(makeDemo().cluster, someAlarms(0))))(
  "answers %s as the leader does",
  (path, read) => {
    expect(answerDifferences("GET", path, 200, read())).toEqual([]);
  },
);

const BODIES: Record<string, Record<string, unknown>> = {
  "POST /api/experiments": { experiment: "new", description: "", tags: [] },
  "POST /api/experiments/{experiment}/rename": { experiment: "renamed" },
  "PATCH /api/experiments/{experiment}": { description: "changed" },
  "PUT /api/experiments/{experiment}/workers": { pioreactor_unit: "reactor-01" },
  "PATCH /api/experiments/{experiment}/unit_labels": { unit: "reactor-01", label: "A" },
  "POST /auth/invitations": { role: "viewer" },
  "POST /auth/tokens": { name: "script" },
  "POST /api/alarms/acknowledge": { ids: [12] },
  "POST /api/alarms/by_id/{id_}/shelve": { hours: 2 },
  "PATCH /api/config/shared": { code: "leader_hostname=leader" },
  "POST /api/workers/setup": { name: "reactor-31", code: "K7QM-2XFD" },
  "PUT /api/workers": { pioreactor_unit: "reactor-09", model_name: "pioreactor_20ml", model_version: "1.5" },
};

describe("the answer to a command fits the leader's OpenAPI document", () => {
  const { cluster } = makeDemo();
  const routes = writes(cluster, new Tasks(), { signedIn: true, tokens: [], alarms: someAlarms(0), charts: new Map() });
  it.each(routes.map(([method, path, route]): [Method, string, typeof route] => [method, path, route]))(
    "%s %s",
    (method, template, route) => {
      const values: Record<string, string> = { unit: "reactor-01", experiment: "demo", job: "stirring" };
      const names = [...template.matchAll(/\{([^}]+)\}/g)].map(([, name = ""]) => values[name] ?? name);
      const { status, body } = route(names, BODIES[`${method} ${template}`] ?? {});
      expect(answerDifferences(method, template.replace(/[{}]/g, ""), status, body)).toEqual([]);
    },
  );
});

it("moves every timestamp by the same time", () => {
  const text = '{"a":"2026-11-28T22:24:03.091Z","b":"2026-11-28T22:24:04+00:00"}';
  expect(shiftTimes(text, 60)).toBe('{"a":"2026-11-28T22:25:03.091Z","b":"2026-11-28T22:25:04.000Z"}');
});

it("gives the units of a larger cluster answers of their own", () => {
  const { cluster } = makeDemo({ units: 30 });
  expect(cluster.recording.answers.get("/api/workers")?.body).toHaveLength(30);
  expect(cluster.retained.has("pioreactor/reactor-30/demo/stirring/$state")).toBe(true);
});

it("holds no path and no secret of the computer it was recorded on", () => {
  const text = JSON.stringify([answers, messages]);
  expect(text).not.toMatch(/\/(tmp|home|root|work|Users)\/|password|token|secret/i);
});
