import { describe, expect, it } from "vitest";
import type { Connection } from "./bus";
import { overdueAfterS, presentS, quietS } from "./silence";
import { LiveStore } from "./store";

const T0 = 1_000_000;

const quietAfter = (seconds: number, overdueS: number | undefined, heardAgoS = seconds): number => {
  const now = T0 + seconds * 1000;
  const connection: Connection = {
    link: "live",
    receivedAtMs: T0,
    heardAtMs: now - heardAgoS * 1000,
    brokenAtS: 0,
  };
  return quietS(connection, overdueS, now);
};

describe("a live connection", () => {
  it("reports silence within 10 s while a unit measures, although the broker answers pings", () => {
    expect(quietAfter(7, 8, 1)).toBe(0);
    expect(quietAfter(8, 8, 1)).toBe(8);
    expect(quietAfter(9.5, 8, 1)).toBe(9.5);
  });

  it("is not called quiet while nothing is measured and the broker answers", () =>
    expect(quietAfter(600, undefined, 2)).toBe(0));

  it("reports a broker that does not answer, whether something is measured or not", () => {
    expect(quietAfter(9, undefined)).toBe(9);
    expect(quietAfter(9, 48)).toBe(9);
  });

  it("is not called quiet before its first message", () =>
    expect(quietS({ link: "live", receivedAtMs: 0, heardAtMs: 0, brokenAtS: 0 }, 8, T0)).toBe(0));
});

describe("readings are overdue", () => {
  const store = new LiveStore((flush) => flush());
  const said = (topic: string, payload: string): void => store.receive({ topic, payload, retained: true });

  it("after the interval of the fastest unit that reads, never sooner than chance explains", () => {
    expect(overdueAfterS(store)).toBeUndefined();
    said("pioreactor/a/e/od_reading/$state", "sleeping");
    expect(overdueAfterS(store)).toBeUndefined();
    said("pioreactor/a/e/od_reading/$state", "ready");
    said("pioreactor/a/e/od_reading/interval", "60.0");
    expect(overdueAfterS(store)).toBe(96);
    said("pioreactor/b/e/od_reading/$state", "ready");
    said("pioreactor/b/e/od_reading/interval", "5.0");
    expect(overdueAfterS(store)).toBe(8);
  });
});

it("lets the cluster's time advance while nothing is received", () => {
  expect(presentS(500, T0, T0)).toBe(500);
  expect(presentS(500, T0, T0 + 38_000)).toBe(538);
  expect(presentS(0, 0, T0)).toBe(0);
});
