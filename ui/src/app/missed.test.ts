import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { answerWith, completedBy } from "@/api/client";
import { Source } from "@/charts/sources";
import { bandWanted } from "@/charts/wanted";
import { bus, type Ears } from "@/live/bus";
import { RECORDED_MS } from "@/live/coverage";
import { ALL, ESTIMATE, logsOf, ofExperiment } from "@/live/topics";
import { refetchMissed } from "./missed";

const START_MS = Date.parse("2026-03-01T12:00:00Z");
const LAST_MS = Math.max(...RECORDED_MS);
let broker: Ears;
let leave: (() => void)[] = [];

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
  vi.stubGlobal("document", { hidden: true });
  leave = [
    bus.open((ears) => {
      broker = ears;
      return { subscribe: ears.subscribed, unsubscribe: () => undefined, close: () => undefined };
    }),
  ];
});
afterEach(() => {
  for (const one of leave) one();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Show an answer, and count how often the leader was asked for it. */
function shown(client: QueryClient, name: string, stream?: string): { asked: number } {
  const counted = { asked: 0 };
  const observer = new QueryObserver(client, {
    queryKey: [name],
    queryFn: () => ++counted.asked,
    staleTime: Infinity,
    ...(stream ? completedBy(stream) : {}),
  });
  leave.push(observer.subscribe(() => undefined));
  return counted;
}

it("asks again for what a subscription came too late for, and for nothing else", async () => {
  const client = new QueryClient();
  leave.push(refetchMissed(client, bus));
  const early = shown(client, "early", logsOf("demo", "a"));
  const other = shown(client, "other", "pioreactor/+/demo2/od_reading/#");
  const unmarked = shown(client, "unmarked");
  // Several subscriptions at a time are one reason to ask.
  leave.push(bus.want(ofExperiment("demo")), bus.want(logsOf(ALL)));
  await vi.advanceTimersByTimeAsync(LAST_MS);
  expect(early.asked).toBe(1 + RECORDED_MS.length);
  const late = shown(client, "late", logsOf("demo"));
  await vi.advanceTimersByTimeAsync(10 * LAST_MS);
  expect([early.asked, late.asked, other.asked, unmarked.asked]).toEqual([1 + RECORDED_MS.length, 1, 1, 1]);
});

it("asks again for what was published while there was no connection: of a chart, only that", async () => {
  const asked: string[] = [];
  const at = (second: number): string => new Date(START_MS + 1000 * second).toISOString();
  const recorded = [10, 20];
  answerWith(async (_, path) => {
    asked.push(path);
    const since = Date.parse(new URLSearchParams(path.split("?")[1]).get("start_time") ?? "1970-01-01");
    const found = recorded.filter((second) => START_MS + 1000 * second >= since);
    return { status: 200, body: { series: ["a"], data: [found.map((second) => ({ x: at(second), y: second }))] } };
  });
  const client = new QueryClient();
  leave.push(refetchMissed(client, bus), bus.want(ofExperiment("demo")));
  await vi.advanceTimersByTimeAsync(LAST_MS);
  const logs = shown(client, "logs", logsOf("demo"));
  const source = new Source(bandWanted("lower_95", "demo", 1, 4));
  leave.push(source.use(() => undefined));
  const publish = (second: number): void =>
    broker.onMessages({
      topic: `pioreactor/a/demo/${ESTIMATE}`,
      payload: JSON.stringify({ timestamp: at(second), lower_95: second }),
      retained: false,
    });
  publish(200);
  await vi.advanceTimersByTimeAsync(1000);
  broker.linked("reconnecting");
  recorded.push(200, 210, 220);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(source.table.series.get("a")?.x.length).toBe(3);
  broker.linked("live");
  broker.subscribed(ofExperiment("demo"));
  publish(230);
  recorded.push(225);
  await vi.advanceTimersByTimeAsync(LAST_MS);
  expect(source.table.series.get("a")?.x.map((moment) => moment - START_MS / 1000)).toEqual([
    10, 20, 200, 210, 220, 225, 230,
  ]);
  expect(asked.slice(1).every((path) => path.includes(`start_time=${at(140)}`))).toBe(true);
  expect([logs.asked, asked.length]).toEqual([2 + RECORDED_MS.length, 2 + RECORDED_MS.length]);
});
