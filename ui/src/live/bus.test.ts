import { afterEach, expect, it, vi } from "vitest";
import { Bus, type Ears } from "./bus";

afterEach(() => void vi.useRealTimers());

it("knows that a value is missing only once the broker has sent what it keeps", () => {
  vi.useFakeTimers();
  const bus = new Bus();
  let ears: Ears | undefined;
  bus.open((given) => {
    ears = given;
    return { subscribe: () => undefined, unsubscribe: () => undefined, close: () => undefined };
  });
  ears?.linked("live");
  expect(bus.connection()).toMatchObject({ link: "live", isComplete: false });
  vi.advanceTimersByTime(1000);
  expect(bus.connection().isComplete).toBe(true);
  ears?.linked("reconnecting");
  expect(bus.connection()).toMatchObject({ link: "reconnecting", isComplete: true });
});
