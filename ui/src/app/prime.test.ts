// @vitest-environment happy-dom
import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { answerWith } from "@/api/client";
import { makeDemo } from "@/demo/demo";
import { prime } from "./prime";

let client: QueryClient;
beforeEach(() => {
  client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
});
afterEach(() => {
  client.clear();
  vi.useRealTimers();
});

it("has what a page with charts shows before it is drawn, and the address that it will have", async () => {
  answerWith(makeDemo({ latencyMs: 0 }).transport);
  expect(await prime(client, { pathname: "/", search: "?units=12" })).toEqual({
    pathname: "/overview",
    search: "?units=12&experiment=demo",
  });
  for (const key of [
    ["me"],
    ["experiments"],
    ["workers"],
    ["descriptors", "jobs"],
    ["descriptors", "charts"],
    ["config", "shared", "parsed"],
    ["experiments", "demo", "workers"],
    ["experiments", "demo", "unit_labels"],
    ["experiments", "demo", "chart preferences"],
  ])
    expect(client.getQueryData(key), key.join(" ")).toBeDefined();
});

it.each([
  ["/overview", "?experiment=gone"],
  ["/overview", "?experiment=Media screen"],
  ["/config", ""],
  ["/nowhere", ""],
])("leaves the address %s%s as it is", async (pathname, search) => {
  answerWith(makeDemo({ latencyMs: 0 }).transport);
  expect(await prime(client, { pathname, search })).toEqual({ pathname, search });
});

it("asks nothing of a person who is not signed in", async () => {
  const asked: string[] = [];
  answerWith(async (_, path) => {
    asked.push(path);
    return { status: 401, body: { error: "Not signed in" } };
  });
  await prime(client, { pathname: "/", search: "" });
  expect(asked).toEqual(["/auth/me"]);
});

it("does not keep a page back for a leader that does not answer", async () => {
  vi.useFakeTimers();
  answerWith(() => new Promise(() => undefined));
  const place = { pathname: "/overview", search: "" };
  const primed = prime(client, place);
  await vi.advanceTimersByTimeAsync(1000);
  expect(await primed).toEqual(place);
});
