// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from "vitest";
import { answerWith, get, getAhead, type Transport } from "@/api/client";
import { makeDemo } from "@/demo/demo";
import { askAhead } from "./ahead";

const rejected: unknown[] = [];
process.on("unhandledRejection", (reason) => rejected.push(reason));
afterEach(() => expect(rejected).toEqual([]));

/** Answer by the demo, and keep what was asked; the answer to who is signed in does not come. */
function listening(transport: Transport): string[] {
  const asked: string[] = [];
  answerWith(async (method, path, body, signal) => {
    asked.push(path.split("?")[0] ?? "");
    if (path === "/auth/me") return new Promise(() => undefined);
    return transport(method, path, body, signal);
  });
  return asked;
}

it("asks for all of the first page at once, then for its curves, without waiting for who is signed in", async () => {
  const asked = listening(makeDemo({ latencyMs: 0 }).transport);
  askAhead({ pathname: "/overview", search: "?experiment=demo" });
  await vi.waitFor(() => {
    expect(asked).toContain("/api/experiments/demo/time_series/temperature_readings");
  }, 10_000);
  const { length } = asked;
  expect(asked.filter((path) => !path.includes("time_series"))).toEqual(["/auth/me", "/api/overview"]);
  for (const path of ["/api/experiments", "/api/workers", "/api/jobs/descriptors", "/api/charts/descriptors"])
    expect(await get<unknown[]>(path)).not.toEqual([]);
  expect(await get("/api/config/shared")).toContain("[");
  for (const path of ["workers", "unit_labels", "chart_preferences"])
    expect(await get(`/api/experiments/demo/${path}`)).toBeTruthy();
  expect(asked.length).toBe(length);
});

it("asks for an experiment that the leader did not choose", async () => {
  const { transport } = makeDemo({ latencyMs: 0 });
  const asked = listening(async (method, path, body, signal) => {
    const answer = await transport(method, path, body, signal);
    return path.startsWith("/api/overview")
      ? { ...answer, body: { ...(answer.body as object), experiment: "another" } }
      : answer;
  });
  askAhead({ pathname: "/overview", search: "?experiment=demo" });
  await vi.waitFor(() => {
    expect(asked).toContain("/api/experiments/demo/workers");
    expect(asked).toContain("/api/experiments/demo/time_series/temperature_readings");
  }, 10_000);
});

it("asks nothing more on pages without charts", async () => {
  const asked = listening(makeDemo({ latencyMs: 0 }).transport);
  askAhead({ pathname: "/config", search: "" });
  await new Promise((settled) => setTimeout(settled, 50));
  expect(asked).toEqual(["/auth/me"]);
});

it("fails in silence when no person is signed in", async () => {
  const asked = listening(async () => ({ status: 401, body: { error: "Not signed in" } }));
  askAhead({ pathname: "/", search: "" });
  await vi.waitFor(() => expect(asked).toContain("/api/overview"));
  await new Promise((settled) => setTimeout(settled, 50));
  expect(asked.filter((path) => path.includes("time_series"))).toEqual([]);
});

it("keeps an answer for the first who asks, and no refusal", async () => {
  let status = 401;
  const asked: string[] = [];
  answerWith(async (_, path) => {
    asked.push(path);
    return { status, body: path };
  });
  const refused = getAhead("/api/workers").catch(() => undefined);
  void getAhead("/api/experiments").catch(() => undefined);
  await refused;
  status = 200;
  expect(await get("/api/workers")).toBe("/api/workers");
  await getAhead("/api/models");
  expect([await get("/api/models"), await get("/api/models")]).toEqual(["/api/models", "/api/models"]);
  expect(asked.filter((path) => path === "/api/models").length).toBe(2);
});
