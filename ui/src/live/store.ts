/** Keeps the last value of every topic, and applies what arrives once a frame. */

import { matches, matchesLevels } from "./topics";

export interface Message {
  topic: string;
  payload: string;
  /** True when the broker kept it from before: it is a state, not news. */
  retained: boolean;
}

export type Schedule = (flush: () => void) => void;

interface Stream {
  levels: readonly string[];
  onMessages: (messages: Message[]) => void;
}

const TOO_MANY_WAITING = 20_000;
const TIMESTAMP = /"timestamp"\s*:\s*"([^"]+)"/;

/** Return the moment a payload carries, in seconds, or undefined. */
export function momentOf(payload: string): number | undefined {
  const found = TIMESTAMP.exec(payload);
  if (found?.[1] === undefined) return undefined;
  const ms = Date.parse(found[1]);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

function once(schedule: Schedule): Schedule {
  let scheduled = false;
  return (flush) => {
    if (scheduled) return;
    scheduled = true;
    schedule(() => {
      scheduled = false;
      flush();
    });
  };
}

export class LiveStore {
  private readonly values = new Map<string, string>();
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly streams = new Set<Stream>();
  private readonly clockListeners = new Set<() => void>();
  private readonly later: Schedule;
  private waiting: Message[] = [];
  private newest = 0;
  private readonly receivedAtMs = new Map<string, number>();

  constructor(schedule: Schedule) {
    this.later = once(schedule);
  }

  /** Take a message in; it shows at the next frame. */
  receive(message: Message): void {
    this.waiting.push(message);
    // A request to change a setting is sent by a person or a program, not by the unit.
    const [, unit] = message.topic.split("/", 2);
    if (unit && !message.topic.endsWith("/set")) this.receivedAtMs.set(unit, Date.now());
    if (this.waiting.length >= TOO_MANY_WAITING) this.apply();
    else this.later(() => this.apply());
  }

  apply(): void {
    const batch = this.waiting;
    this.waiting = [];
    const changed = new Set<string>();
    const before = this.newest;
    for (const { topic, payload } of batch) {
      if (payload === "") this.values.delete(topic);
      else this.values.set(topic, payload);
      changed.add(topic);
      const moment = momentOf(payload);
      if (moment !== undefined && moment > this.newest) this.newest = moment;
    }
    const levels = batch.map((message) => message.topic.split("/"));
    for (const stream of this.streams) {
      const received = batch.filter((_, i) => matchesLevels(stream.levels, levels[i] ?? []));
      if (received.length > 0) stream.onMessages(received);
    }
    for (const topic of changed) this.listeners.get(topic)?.forEach((tell) => tell());
    if (this.newest !== before) this.clockListeners.forEach((tell) => tell());
  }

  value(topic: string): string | undefined {
    return this.values.get(topic);
  }

  /** Return the topics known below a prefix. */
  topicsMatching(filter: string): string[] {
    return [...this.values.keys()].filter((topic) => matches(filter, topic));
  }

  /** Browser clock [ms] at which the last message of a unit came, or undefined. */
  lastFrom(unit: string): number | undefined {
    return this.receivedAtMs.get(unit);
  }

  /** The newest moment [s] any message carried: the cluster's own time, 0 before the first. */
  clusterTime(): number {
    return this.newest;
  }

  onTopic(topic: string, tell: () => void): () => void {
    const set = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, set.add(tell));
    return () => {
      set.delete(tell);
      if (set.size === 0) this.listeners.delete(topic);
    };
  }

  onClock(tell: () => void): () => void {
    this.clockListeners.add(tell);
    return () => this.clockListeners.delete(tell);
  }

  /** Receive every message of a filter, in order, one batch a frame. */
  onStream(filter: string, onMessages: (messages: Message[]) => void): () => void {
    const stream = { levels: filter.split("/"), onMessages };
    this.streams.add(stream);
    return () => this.streams.delete(stream);
  }

  /** Forget values below a filter, when they have no subscriber any more. */
  forget(filter: string): void {
    for (const topic of this.topicsMatching(filter)) this.values.delete(topic);
  }
}
