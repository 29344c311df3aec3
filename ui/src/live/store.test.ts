import { describe, expect, it } from "vitest";
import { LiveStore, type Message, momentOf } from "./store";

function paused(): { store: LiveStore; frame: () => void; scheduled: () => number } {
  const frames: (() => void)[] = [];
  const store = new LiveStore((flush) => frames.push(flush));
  return { store, frame: () => frames.splice(0).forEach((flush) => flush()), scheduled: () => frames.length };
}

const said = (topic: string, payload: string, retained = false): Message => ({ topic, payload, retained });

describe("LiveStore", () => {
  it("applies many messages in one frame and keeps the last value", () => {
    const { store, frame, scheduled } = paused();
    let told = 0;
    store.onTopic("pioreactor/u/e/stirring/target_rpm", () => told++);
    for (let rpm = 0; rpm < 50; rpm++) store.receive(said("pioreactor/u/e/stirring/target_rpm", String(rpm)));
    expect(scheduled()).toBe(1);
    expect(store.value("pioreactor/u/e/stirring/target_rpm")).toBeUndefined();
    frame();
    expect(store.value("pioreactor/u/e/stirring/target_rpm")).toBe("49");
    expect(told).toBe(1);
  });

  it("hands a stream every message in order, not only the last", () => {
    const { store, frame } = paused();
    const received: string[] = [];
    store.onStream("pioreactor/+/e/od_reading/od2", (batch) => received.push(...batch.map((one) => one.payload)));
    store.receive(said("pioreactor/a/e/od_reading/od2", "1"));
    store.receive(said("pioreactor/a/f/od_reading/od2", "x"));
    store.receive(said("pioreactor/b/e/od_reading/od2", "2"));
    frame();
    expect(received).toEqual(["1", "2"]);
  });

  it("takes an empty payload as the end of a value", () => {
    const { store, frame } = paused();
    store.receive(said("t", "500"));
    frame();
    store.receive(said("t", ""));
    frame();
    expect(store.value("t")).toBeUndefined();
  });

  it("takes its time from the messages, and never goes back", () => {
    const { store, frame } = paused();
    store.receive(said("a", '{"timestamp":"2026-11-22T08:00:10.000Z","od":1}'));
    store.receive(said("b", '{"timestamp":"2026-11-22T08:00:00.000Z","od":1}', true));
    frame();
    expect(store.clusterTime()).toBe(Date.parse("2026-11-22T08:00:10.000Z") / 1000);
  });

  it("stops telling a listener that left", () => {
    const { store, frame } = paused();
    let told = 0;
    const leave = store.onTopic("t", () => told++);
    leave();
    store.receive(said("t", "1"));
    frame();
    expect(told).toBe(0);
  });
});

describe("momentOf", () => {
  it("ignores payloads without a moment", () => {
    expect(momentOf("15.0")).toBeUndefined();
    expect(momentOf('{"timestamp":"soon"}')).toBeUndefined();
  });
});
