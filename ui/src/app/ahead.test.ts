// @vitest-environment happy-dom
import { QueryClient } from "@tanstack/react-query";
import { afterEach, expect, it, vi } from "vitest";
import { answerWith, type Transport } from "@/api/client";
import { makeDemo } from "@/demo/demo";
import { fetchAhead } from "./ahead";

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

it("asks for what the first charts need, their history included, without waiting for who is signed in", async () => {
  const asked = listening(makeDemo({ latencyMs: 0 }).transport);
  fetchAhead(new QueryClient(), { pathname: "/overview", search: "?experiment=demo" });
  await vi.waitFor(() => {
    expect(asked).toContain("/api/experiments/demo/time_series/temperature_readings");
    expect(asked).toContain("/api/experiments/demo/workers");
  }, 10_000);
  expect(new Set(asked).size).toBe(asked.length);
});

it("asks nothing more on pages without charts", async () => {
  const asked = listening(makeDemo({ latencyMs: 0 }).transport);
  fetchAhead(new QueryClient(), { pathname: "/config", search: "" });
  await new Promise((settled) => setTimeout(settled, 50));
  expect(asked).toEqual(["/auth/me"]);
});

it("fails in silence when no person is signed in", async () => {
  const asked = listening(async () => ({ status: 401, body: { error: "Not signed in" } }));
  fetchAhead(new QueryClient(), { pathname: "/", search: "" });
  await vi.waitFor(() => expect(asked).toContain("/api/experiments"));
  await new Promise((settled) => setTimeout(settled, 50));
  expect(asked.filter((path) => path.includes("time_series"))).toEqual([]);
});
