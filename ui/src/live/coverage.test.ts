import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Coverage, type Missed, RECORDED_MS } from "./coverage";
import { LiveStore } from "./store";
import { overlap } from "./topics";

const LOGS = "pioreactor/+/demo/logs/#";
const START_MS = Date.parse("2026-03-01T12:00:00Z");
const [SOON_MS, LAST_MS] = RECORDED_MS;

let store: LiveStore;
let coverage: Coverage;
let missed: Missed[];

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
  store = new LiveStore((flush) => flush());
  coverage = new Coverage(store);
  missed = [];
  coverage.onMissed((one) => missed.push(one));
});
afterEach(() => vi.useRealTimers());

/** Let the cluster speak at a second after the start. */
const publish = (topic: string, atS: number, more: object = {}): void => {
  const timestamp = new Date(START_MS + 1000 * atS).toISOString();
  store.receive({ topic, payload: JSON.stringify({ timestamp, ...more }), retained: false });
};

it("reports a first subscription when units have sent their records, and is content with what is asked for later", () => {
  coverage.subscribed(LOGS);
  expect(missed).toEqual([]);
  vi.advanceTimersByTime(SOON_MS);
  expect(missed).toEqual([{ filter: LOGS, fromS: undefined, untilMs: START_MS + SOON_MS - 500 }]);
  vi.advanceTimersByTime(10 * LAST_MS);
  expect(missed).toHaveLength(2);
});

it("reports what a broken connection missed at once, from its end on, and again when it is recorded", () => {
  coverage.subscribed(LOGS);
  vi.advanceTimersByTime(LAST_MS);
  missed.length = 0;
  publish("pioreactor/a/demo/od_reading/od2", 60);
  coverage.lost();
  vi.advanceTimersByTime(600_000);
  expect(missed).toEqual([]);
  coverage.subscribed(LOGS);
  expect(missed.map(({ fromS }) => fromS)).toEqual([START_MS / 1000 + 60]);
  publish("pioreactor/a/demo/od_reading/od2", 670);
  coverage.lost();
  coverage.subscribed(LOGS);
  vi.advanceTimersByTime(LAST_MS);
  expect(new Set(missed.map(({ fromS }) => fromS))).toEqual(new Set([START_MS / 1000 + 60]));
  missed.length = 0;
  coverage.ended(LOGS);
  coverage.subscribed(LOGS);
  expect(missed).toEqual([]);
});

it("reports nothing for what is not wanted any more", () => {
  coverage.subscribed(LOGS);
  coverage.ended(LOGS);
  coverage.lost();
  vi.advanceTimersByTime(10 * LAST_MS);
  expect(missed).toEqual([]);
});

it("reports the records of a unit that was cut off, when the leader has them", () => {
  const topic = "pioreactor/a/$experiment/monitor/safe_up_to";
  publish("pioreactor/b/demo/od_reading/od2", 300);
  publish(topic, 299, { waiting: 2 });
  publish(topic, 300, { waiting: 0 });
  expect(missed).toEqual([]);
  publish(topic, 120, { waiting: 40 });
  publish(topic, 130, { waiting: 30 });
  publish(topic, 301, { waiting: 0 });
  expect(missed.map(({ filter, fromS }) => [filter, fromS])).toEqual([["pioreactor/a/#", START_MS / 1000 + 120]]);
});

it("knows which filters have topics in common", () => {
  expect(overlap("pioreactor/+/demo/#", LOGS)).toBe(true);
  expect(overlap("pioreactor/a/#", LOGS)).toBe(true);
  expect(overlap("pioreactor/a/demo/od_reading/od2", "pioreactor/+/demo/od_reading/+")).toBe(true);
  expect(overlap("pioreactor/+/other/#", LOGS)).toBe(false);
  expect(overlap("pioreactor/a/demo/stirring", "pioreactor/+/demo/stirring/rpm")).toBe(false);
});
