/** Owns the one connection to the broker: who wants which topics, and whether anything is received. */

import { Coverage, type Missed } from "./coverage";
import { LiveStore, type Message, type Schedule } from "./store";

export type Link = "connecting" | "live" | "reconnecting";

export interface Connection {
  link: Link;
  /** Browser clock [ms] at which the last message came, for saying since when it is quiet. */
  receivedAtMs: number;
  /** Browser clock [ms] at which the broker last sent anything, answers to pings included. */
  heardAtMs: number;
  /** The cluster's own time [s] when the connection broke. */
  brokenAtS: number;
  /** What the broker keeps has had time to arrive: what has no value has none. */
  isComplete: boolean;
}

/** A source of messages: the broker, or a recording. */
export interface Feed {
  subscribe(filter: string): void;
  unsubscribe(filter: string): void;
  close(): void;
}

export interface Ears {
  onMessages: (message: Message) => void;
  linked: (link: Link) => void;
  /** The broker sent something, be it only an answer to a ping. */
  received: () => void;
  /** The broker acknowledged the subscription to a filter: from now on its messages arrive. */
  subscribed: (filter: string) => void;
}

export type OpenFeed = (ears: Ears) => Feed;

/** A frame while the page is seen, a second while it is hidden: browsers stop frames then. */
const nextFrame: Schedule = (flush) => {
  if (document.hidden) setTimeout(flush, 1000);
  else requestAnimationFrame(() => flush());
};

/** Within this time [ms] of the first connection, the broker has sent what it keeps. */
const ARRIVES_MS = 500;

export class Bus {
  readonly store: LiveStore;
  private readonly wanted = new Map<string, number>();
  private readonly listeners = new Set<() => void>();
  private readonly coverage: Coverage;
  private feed: Feed | undefined;
  private state: Connection = {
    link: "connecting",
    receivedAtMs: 0,
    heardAtMs: 0,
    brokenAtS: 0,
    isComplete: false,
  };

  constructor(schedule: Schedule = nextFrame) {
    this.store = new LiveStore(schedule);
    this.coverage = new Coverage(this.store);
  }

  open(openFeed: OpenFeed): () => void {
    const feed = openFeed({
      onMessages: (message) => {
        this.state.receivedAtMs = this.state.heardAtMs = Date.now();
        this.store.receive(message);
      },
      received: () => {
        this.state.heardAtMs = Date.now();
      },
      subscribed: (filter) => this.coverage.subscribed(filter),
      linked: (link) => {
        if (link !== "live") this.coverage.lost();
        const brokenAtS =
          link === "reconnecting" && this.state.link === "live" ? this.store.clusterTime() : this.state.brokenAtS;
        this.change({ link, brokenAtS });
        if (link === "live" && !this.state.isComplete) setTimeout(() => this.change({ isComplete: true }), ARRIVES_MS);
      },
    });
    this.feed = feed;
    for (const filter of this.wanted.keys()) feed.subscribe(filter);
    return () => {
      feed.close();
      this.coverage.lost();
      if (this.feed === feed) this.feed = undefined;
    };
  }

  private change(changes: Partial<Connection>): void {
    this.state = { ...this.state, ...changes };
    this.listeners.forEach((tell) => tell());
  }

  connection = (): Connection => this.state;

  onConnection = (tell: () => void): (() => void) => {
    this.listeners.add(tell);
    return () => this.listeners.delete(tell);
  };

  /** Learn of what was published while the page was not subscribed, once the leader can be asked for it. */
  onMissed = (tell: (missed: Missed) => void): (() => void) => this.coverage.onMissed(tell);

  /** Ask the broker for a filter as long as a subscriber needs it. */
  want(filter: string): () => void {
    const count = this.wanted.get(filter) ?? 0;
    this.wanted.set(filter, count + 1);
    if (count === 0) this.feed?.subscribe(filter);
    return () => {
      const left = (this.wanted.get(filter) ?? 1) - 1;
      if (left > 0) {
        this.wanted.set(filter, left);
        return;
      }
      this.wanted.delete(filter);
      this.coverage.ended(filter);
      this.feed?.unsubscribe(filter);
      this.store.forget(filter);
    };
  }
}

export const bus = new Bus();
