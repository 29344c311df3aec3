/** How components read what the cluster says. */

import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { bus, type Connection } from "./bus";
import { presentS, silentS } from "./silence";
import { type Message, momentOf } from "./store";

/** The last payload of a topic, or undefined. */
export function useTopic(topic: string): string | undefined {
  const subscribe = useCallback((tell: () => void) => bus.store.onTopic(topic, tell), [topic]);
  return useSyncExternalStore(subscribe, () => bus.store.value(topic));
}

/** The last payloads of several topics, in their order. */
export function useTopics(topics: readonly string[]): (string | undefined)[] {
  const key = topics.join("\n");
  const subscribe = useCallback(
    (tell: () => void) => {
      const leave = key === "" ? [] : key.split("\n").map((topic) => bus.store.onTopic(topic, tell));
      return () => leave.forEach((one) => one());
    },
    [key],
  );
  const snapshot = useSyncExternalStore(subscribe, () =>
    JSON.stringify(key.split("\n").map((topic) => bus.store.value(topic) ?? null)),
  );
  return useMemo(() => (JSON.parse(snapshot) as (string | null)[]).map((value) => value ?? undefined), [snapshot]);
}

export interface Reading {
  value: number;
  /** Moment of the measurement [s], or undefined when the payload is a bare number. */
  at: number | undefined;
}

/** Read a number out of a payload: bare, or the field `key` (`value` unless told) of an object. */
export function readingOf(payload: string | undefined, key = "value"): Reading | undefined {
  if (payload === undefined || payload === "") return undefined;
  try {
    const parsed: unknown = JSON.parse(payload);
    const value = typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>)[key] : parsed;
    return typeof value === "number" && Number.isFinite(value) ? { value, at: momentOf(payload) } : undefined;
  } catch {
    return undefined;
  }
}

/** The value of a payload as text: that of an object `{timestamp, value}`, and anything else as it is. */
export function valueText(payload: string): string {
  if (!payload.startsWith("{")) return payload;
  try {
    const { timestamp, value, ...others } = JSON.parse(payload) as Record<string, unknown>;
    const isValue = timestamp !== undefined && value !== undefined && Object.keys(others).length === 0;
    return isValue ? String(value) : payload;
  } catch {
    return payload;
  }
}

export function useReading(topic: string, key?: string): Reading | undefined {
  const payload = useTopic(topic);
  return useMemo(() => readingOf(payload, key), [payload, key]);
}

/** Receive every message of a filter, one batch a frame. */
export function useStream(filter: string, onMessages: (messages: Message[]) => void): void {
  const latest = useRef(onMessages);
  useEffect(() => {
    latest.current = onMessages;
  });
  useEffect(() => bus.store.onStream(filter, (messages) => latest.current(messages)), [filter]);
}

/** Keep a subscription at the broker while the component is shown. */
export function useWanted(filter: string): void {
  useEffect(() => bus.want(filter), [filter]);
}

/** The newest moment [s] the cluster spoke of, in steps that keep the page calm. */
export function useClusterTime(stepS = 5): number {
  const subscribe = useCallback((tell: () => void) => bus.store.onClock(tell), []);
  return useSyncExternalStore(subscribe, () => Math.floor(bus.store.clusterTime() / stepS) * stepS);
}

/** The cluster's own time [s], which advances while nothing is received, in steps that keep the page calm. */
export function useNow(stepS = 5): number {
  const subscribe = useCallback((tell: () => void) => {
    const leave = bus.store.onClock(tell);
    const timer = setInterval(tell, 1000);
    return () => {
      leave();
      clearInterval(timer);
    };
  }, []);
  return useSyncExternalStore(subscribe, () => {
    const now = presentS(bus.store.clusterTime(), bus.connection().receivedAtMs, Date.now());
    return Math.floor(now / stepS) * stepS;
  });
}

/** For how many whole seconds a unit that reads OD has sent nothing although it should have; else 0. */
export function useSilentS(unit: string, experiment: string): number {
  const subscribe = useCallback((tell: () => void) => {
    const timer = setInterval(tell, 1000);
    return () => clearInterval(timer);
  }, []);
  return useSyncExternalStore(subscribe, () => Math.floor(silentS(bus.store, unit, experiment, Date.now())));
}

export function useConnection(): Connection {
  return useSyncExternalStore(bus.onConnection, bus.connection);
}

/** The topics known below a filter to which the page has subscribed anyway. */
export function useTopicsBelow(filter: string): readonly string[] {
  const subscribe = useCallback((tell: () => void) => bus.store.onStream(filter, tell), [filter]);
  const names = useSyncExternalStore(subscribe, () => bus.store.topicsMatching(filter).sort().join("\n"));
  return useMemo(() => (names === "" ? [] : names.split("\n")), [names]);
}

/** The last payloads of all topics that fit a filter, by topic; keeps the subscription at the broker meanwhile. */
export function useBelow(filter: string): Record<string, string> {
  useWanted(filter);
  const subscribe = useCallback((tell: () => void) => bus.store.onStream(filter, tell), [filter]);
  const snapshot = useSyncExternalStore(subscribe, () =>
    JSON.stringify(bus.store.topicsMatching(filter).map((topic) => [topic, bus.store.value(topic)])),
  );
  return useMemo(() => Object.fromEntries(JSON.parse(snapshot) as [string, string][]), [snapshot]);
}
