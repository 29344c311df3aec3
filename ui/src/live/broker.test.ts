import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { brokerFeed } from "./broker";
import type { Ears, Feed } from "./bus";
import { connect, PacketReader, subscribe } from "./packets";

const CONNACK = [0x20, 2, 0, 0];
const bytes = (text: string): number[] => [...new TextEncoder().encode(text)];

function publish(topic: string, payload: string, retained = false): number[] {
  const body = [topic.length >> 8, topic.length & 0xff, ...bytes(topic), ...bytes(payload)];
  const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
  return [retained ? 0x31 : 0x30, ...length, ...body];
}

class Socket {
  static readonly OPEN = 1;
  static all: Socket[] = [];
  readyState = 1;
  sent: number[][] = [];
  isClosed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(
    readonly address: string,
    readonly protocol: string,
  ) {
    Socket.all.push(this);
  }

  send(packet: Uint8Array): void {
    this.sent.push([...packet]);
  }

  close(): void {
    this.isClosed = true;
  }

  receive(...data: number[]): void {
    this.onmessage?.({ data: Uint8Array.from(data).buffer });
  }
}

let feed: Feed | undefined;
let told: string[];
const ears: Ears = {
  onMessages: ({ topic, payload, retained }) => told.push(`${topic} ${payload.length} ${retained}`),
  linked: (link) => told.push(link),
  received: () => undefined,
  subscribed: (filter) => told.push(`subscribed ${filter}`),
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Socket);
  vi.stubGlobal("location", { protocol: "https:", host: "leader" });
  Socket.all = [];
  told = [];
});
afterEach(() => {
  feed?.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function connected(): Socket {
  const socket = Socket.all.at(-1) as Socket;
  socket.onopen?.();
  socket.receive(...CONNACK);
  return socket;
}

it("subscribes to all that is wanted, and reports what the broker granted", () => {
  feed = brokerFeed(ears);
  feed.subscribe("pioreactor/+/µ/#");
  feed.subscribe("secret/#");
  const socket = connected();
  expect([socket.address, socket.protocol]).toEqual(["wss://leader/mqtt", "mqtt"]);
  expect(socket.sent).toEqual([[...connect("browser", 120)], [...subscribe(1, ["pioreactor/+/µ/#", "secret/#"])]]);
  socket.receive(0x90, 4, 0, 1, 0, 0x80);
  expect(told).toEqual(["live", "subscribed pioreactor/+/µ/#"]);
});

it("reads messages of any size from pieces of any size", () => {
  feed = brokerFeed(ears);
  const socket = connected();
  const stream = [...publish("t", "1", true), ...publish("a/b", "x".repeat(300)), 0xd0, 0, ...publish("t", "")];
  for (const byte of stream.slice(0, 40)) socket.receive(byte);
  socket.receive(...stream.slice(40));
  expect(told.slice(1)).toEqual(["t 1 true", "a/b 300 false", "t 0 false"]);
  expect(() => new PacketReader().take(Uint8Array.from([0x30, 0xff, 0xff, 0xff, 0xff, 1]))).toThrow("length");
});

it("connects again, and subscribes again, after a connection that ended, was refused, or never came", () => {
  feed = brokerFeed(ears);
  feed.subscribe("a/#");
  connected().onclose?.();
  vi.advanceTimersByTime(2000);
  (Socket.all[1] as Socket).receive(0x20, 2, 0, 5);
  vi.advanceTimersByTime(2000);
  vi.advanceTimersByTime(8000 + 2000);
  expect(Socket.all.slice(0, 3).every(({ isClosed }) => isClosed)).toBe(true);
  expect(connected().sent.at(-1)).toEqual([...subscribe(1, ["a/#"])]);
  expect(told).toEqual(["live", "reconnecting", "reconnecting", "reconnecting", "live"]);
});

it("gives a connection up on which pings have no answer", () => {
  feed = brokerFeed(ears);
  const socket = connected();
  for (let second = 0; second < 60; second += 3) {
    vi.advanceTimersByTime(3000);
    socket.receive(0xd0, 0);
  }
  expect(Socket.all.length).toBe(1);
  vi.advanceTimersByTime(21_000);
  expect([socket.isClosed, told.at(-1), Socket.all.length]).toEqual([true, "reconnecting", 2]);
});
