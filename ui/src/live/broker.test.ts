import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { brokerFeed } from "./broker";
import type { Ears, Feed } from "./bus";

type Granted = { topic: string; qos: number };

class Client extends EventEmitter {
  connected = false;
  pings = 0;
  readonly asked: [string[], (error: Error | null, granted?: Granted[]) => void][] = [];
  readonly stream = { destroy: vi.fn() };
  sendPing = (): void => void this.pings++;
  unsubscribe = vi.fn();
  end = vi.fn();
  subscribe = (filters: string[], _: unknown, answer: (error: Error | null, granted?: Granted[]) => void): void =>
    void this.asked.push([filters, answer]);

  connect(): void {
    this.connected = true;
    this.emit("connect");
  }
}

const made = vi.hoisted(() => ({ connect: vi.fn() }));
vi.mock("mqtt", () => ({ default: made }));

let client: Client;
let feed: Feed;
let told: string[];
const ears: Ears = {
  onMessages: ({ topic, payload, retained }) => told.push(`${topic} ${payload} ${retained}`),
  linked: (link) => told.push(link),
  received: () => undefined,
  subscribed: (filter) => told.push(`subscribed ${filter}`),
};

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal("location", { protocol: "https:", host: "leader" });
  client = new Client();
  made.connect.mockReset().mockReturnValue(client);
  told = [];
  feed = brokerFeed(ears, async () => undefined);
  await vi.waitFor(() => expect(made.connect).toHaveBeenCalled());
});
afterEach(() => {
  feed.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("subscribes to what was wanted before, and tells what the broker granted", () => {
  feed.subscribe("a/#");
  feed.subscribe("b");
  client.connect();
  const [filters, answer] = client.asked[0] as Client["asked"][number];
  expect(filters).toEqual(["a/#", "b"]);
  answer(null, [
    { topic: "a/#", qos: 0 },
    { topic: "b", qos: 128 },
  ]);
  expect(told).toEqual(["live", "subscribed a/#"]);
});

it("passes messages on, with whether they were retained", () => {
  client.emit("message", "a/b", Buffer.from("12"), { retain: true });
  expect(told).toEqual(["a/b 12 true"]);
});

it("ends a connection that does not answer pings, and no other", () => {
  client.connect();
  for (let times = 0; times < 10; times++) {
    vi.advanceTimersByTime(3000);
    client.emit("packetreceive");
  }
  expect(client.pings).toBe(10);
  expect(client.stream.destroy).not.toHaveBeenCalled();
  vi.advanceTimersByTime(18_000);
  expect(client.stream.destroy).toHaveBeenCalledOnce();
});
