import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Connection } from "./bus";
import { presentS, silence, silentS } from "./silence";
import { LiveStore } from "./store";

const T0 = 1_000_000;
beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(T0);
});
afterEach(() => {
  vi.useRealTimers();
});

const atMs = (seconds: number): number => T0 + seconds * 1000;
const answeredAt = (heardAtMs: number): Connection => ({
  link: "live",
  receivedAtMs: T0,
  heardAtMs,
  brokenAtS: 0,
  isComplete: true,
});

/** A store to which units said at T0 that they read, each with its interval [s]. */
function reading(intervals: Record<string, number>, state = "ready"): LiveStore {
  const store = new LiveStore((flush) => flush());
  for (const [unit, interval] of Object.entries(intervals)) {
    store.receive({ topic: `pioreactor/${unit}/e/od_reading/$state`, payload: state, retained: true });
    store.receive({ topic: `pioreactor/${unit}/e/od_reading/interval`, payload: `${interval}`, retained: true });
  }
  return store;
}

function says(store: LiveStore, seconds: number, topic: string): void {
  vi.setSystemTime(atMs(seconds));
  store.receive({ topic, payload: "1", retained: false });
}

describe("a live connection", () => {
  it("reports silence within 10 s while a unit measures, although the broker answers pings", () => {
    const store = reading({ a: 5 });
    const found = (seconds: number) => silence(store, answeredAt(atMs(seconds - 1)), atMs(seconds));
    expect(found(7)).toBeUndefined();
    expect(found(8)).toEqual({ seconds: 8, units: [] });
    expect(found(9.5)).toEqual({ seconds: 9.5, units: [] });
  });

  it("reports units that are silent while others, or the leader, are not", () => {
    const store = reading({ a: 5, b: 5 });
    says(store, 8, "pioreactor/a/e/od_reading/od1");
    says(store, 9, "pioreactor/leader/$experiment/monitor/computer_statistics");
    expect(silence(store, answeredAt(atMs(9)), atMs(9))).toEqual({ seconds: 9, units: ["b"] });
    expect(silence(store, answeredAt(atMs(17)), atMs(17))).toEqual({ seconds: 9, units: [] });
  });

  it("does not take a request to a unit for an answer of it", () => {
    const store = reading({ a: 5 });
    says(store, 7, "pioreactor/a/e/stirring/target_rpm/set");
    expect(silentS(store, "a", "e", atMs(9))).toBe(9);
    says(store, 9, "pioreactor/a/e/stirring/target_rpm");
    expect(silentS(store, "a", "e", atMs(10))).toBe(0);
  });

  it("is not called quiet while nothing is measured and the broker answers", () => {
    expect(silence(reading({ a: 5 }, "sleeping"), answeredAt(atMs(598)), atMs(600))).toBeUndefined();
    expect(silence(reading({ a: 5 }, "lost"), answeredAt(atMs(598)), atMs(600))).toBeUndefined();
    expect(silence(reading({}), answeredAt(atMs(598)), atMs(600))).toBeUndefined();
  });

  it("waits for units that read rarely", () => {
    expect(silentS(reading({ a: 60 }), "a", "e", atMs(95))).toBe(0);
    expect(silentS(reading({ a: 60 }), "a", "e", atMs(96))).toBe(96);
  });

  it("reports a broker that does not answer, whether something is measured or not", () => {
    expect(silence(reading({}), answeredAt(T0), atMs(9))).toEqual({ seconds: 9, units: [] });
    expect(silence(reading({ a: 60 }), answeredAt(T0), atMs(9))).toEqual({ seconds: 9, units: [] });
  });

  it("is not called quiet before its first message", () =>
    expect(silence(reading({}), answeredAt(0), T0)).toBeUndefined());
});

it("lets the cluster's time advance while nothing is received", () => {
  expect(presentS(500, T0, T0)).toBe(500);
  expect(presentS(500, T0, T0 + 38_000)).toBe(538);
  expect(presentS(0, 0, T0)).toBe(0);
});
