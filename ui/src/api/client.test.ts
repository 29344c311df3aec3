import { afterEach, beforeEach, expect, it, vi } from "vitest";

const NOW_MS = Date.parse("2026-03-01T12:00:00Z");
let deadlines: (number | null)[];
let get: typeof import("./client").get;
let request: typeof import("./client").request;

beforeEach(async () => {
  vi.resetModules(); // other tests answer requests by other means, and each of these begins with an unknown clock
  ({ get, request } = await import("./client"));
  vi.useFakeTimers({ now: NOW_MS });
  deadlines = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Answer as a leader whose clock is ahead, and that takes some time for each request. */
function leader(aheadS: number, takesS = 0): void {
  vi.stubGlobal("fetch", async (_: string, { headers }: { headers: Record<string, string> }) => {
    const deadline = headers["X-Pioreactor-Deadline"];
    deadlines.push(deadline === undefined ? null : Number(deadline) - NOW_MS / 1000);
    vi.setSystemTime(Date.now() + 1000 * takesS);
    const nowS = Date.now() / 1000 + aheadS;
    if (deadline !== undefined && nowS > Number(deadline))
      return new Response("", { status: 504, headers: { "X-Pioreactor-Time": nowS.toFixed(3) } });
    return new Response("", { status: 200 });
  });
}

it("gives each change a deadline, and a question none", async () => {
  leader(0);
  await get("/api/workers");
  await request("PATCH", "/api/x", {});
  await request("DELETE", "/api/x");
  expect(deadlines).toEqual([null, 10, 10]);
});

it("does not send a change again that the leader refused as late after the page had said so", async () => {
  leader(0, 40);
  await expect(request("POST", "/api/x", {})).rejects.toThrow("504");
  expect(deadlines).toEqual([10]);
});

it("reckons with a leader whose clock is ahead", async () => {
  leader(3600);
  await request("POST", "/api/x", {});
  await request("POST", "/api/x", {});
  expect(deadlines).toEqual([10, 3610, 3610]);
});

it("tells what a task does until it has ended", async () => {
  const { finished } = await import("./client");
  const states: object[] = [
    { status: "running", step: "Checking the code." },
    { status: "succeeded", result: 1 },
  ];
  const json = { "Content-Type": "application/json" };
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify(states.shift()), { status: 200, headers: json }));
  const steps: string[] = [];
  const task = { unit: "r-1", task_id: "1", result_url_path: "/unit_api/task_results/1", status: "accepted" as const };
  const ended = finished(task, { everyMs: 1, attempts: 5, onStep: (step) => steps.push(step) });
  await vi.runAllTimersAsync();
  expect(await ended).toBe(1);
  expect(steps).toEqual(["Checking the code."]);
});
