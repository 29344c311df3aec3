/** Where a chart's points come from: history over HTTP, news over the broker, shared by all who show them. */

import { useMemo, useSyncExternalStore } from "react";
import { get } from "@/api/client";
import type { TimeSeries } from "@/api/types";
import { bus } from "@/live/bus";
import { readingOf } from "@/live/hooks";
import type { Message } from "@/live/store";
import { overlap, parse } from "@/live/topics";
import { secondsOf } from "@/parts/format";
import { SeriesTable } from "./points";
import { historyPath, type Wanted } from "./wanted";

/** Return the series of a live message: `unit`, or `unit-channel` when the payload holds a channel. */
export function seriesName(topic: string, payload: string, channelKey: string | null): string | undefined {
  const unit = parse(topic)?.unit;
  if (unit === undefined || channelKey === null) return unit;
  try {
    const channel = (JSON.parse(payload) as Record<string, unknown> | null)?.[channelKey];
    return channel === undefined ? undefined : `${unit}-${String(channel)}`;
  } catch {
    return undefined;
  }
}

/** Moments of units differ, and what a broken connection had on its way is lost [s]. */
const OVERLAP_S = 60;

export class Source {
  readonly table = new SeriesTable();
  failed: Error | undefined;
  loaded = false;
  private users = 0;
  private stop: () => void = () => undefined;
  private readonly listeners = new Set<() => void>();
  private revision = 0;
  private askedAtMs = 0;
  /** The newest moment that history had [s]. */
  private recordedS: number | undefined;

  constructor(private readonly wanted: Wanted) {}

  use = (tell: () => void): (() => void) => {
    this.listeners.add(tell);
    if (this.users++ === 0) this.start();
    return () => {
      this.listeners.delete(tell);
      if (--this.users === 0) this.stop();
    };
  };

  version = (): number => this.revision;

  get isUsed(): boolean {
    return this.users > 0;
  }

  private changed(): void {
    this.revision++;
    this.listeners.forEach((tell) => tell());
  }

  private start(): void {
    const aborted = new AbortController();
    const streams = this.wanted.topics.map((topic) => `pioreactor/+/${this.wanted.experiment}/${topic}`);
    const leave =
      this.wanted.stretch === undefined
        ? streams.map((stream) => bus.store.onStream(stream, (messages) => this.onMessages(messages)))
        : [];
    leave.push(
      bus.onMissed(({ filter, fromS, untilMs }) => {
        const isMissed = this.askedAtMs < untilMs && streams.some((stream) => overlap(filter, stream));
        const isPartial = this.loaded && this.wanted.stretch === undefined;
        if (isMissed) this.ask(aborted.signal, isPartial ? (fromS ?? this.recordedS) : undefined);
      }),
    );
    this.stop = () => {
      aborted.abort();
      leave.forEach((one) => one());
    };
    this.ask(aborted.signal);
  }

  /** Ask for history, or for what of it is newer than a moment [s], and put it in place. */
  private ask(signal: AbortSignal, fromS?: number): void {
    const { table } = this.wanted;
    if (table === null) {
      this.loaded = true;
      return;
    }
    const sinceS = fromS === undefined ? undefined : fromS - OVERLAP_S;
    this.askedAtMs = Date.now();
    get<TimeSeries>(historyPath(this.wanted, table, sinceS), signal).then(
      (history) => {
        if (signal.aborted) return;
        const series = this.read(history);
        this.table.load(series, sinceS);
        this.recordedS = Math.max(this.recordedS ?? 0, ...series.map(({ x }) => x.at(-1) ?? 0)) || undefined;
        this.loaded = true;
        this.failed = undefined;
        this.changed();
      },
      (error: unknown) => {
        // What is shown stays when only its completion failed; the next connection asks again.
        if (signal.aborted || this.loaded) return;
        this.failed = error instanceof Error ? error : new Error(String(error));
        this.changed();
      },
    );
  }

  private read({ series, data }: TimeSeries): { name: string; x: number[]; y: number[] }[] {
    return series.map((name, index) => {
      const points = (data[index] ?? []).filter((point) => point.y !== null);
      return {
        name,
        x: points.map((point) => secondsOf(point.x)),
        y: points.map((point) => (point.y as number) * this.wanted.factor),
      };
    });
  }

  private onMessages(messages: Message[]): void {
    let any = false;
    for (const message of messages) {
      const name = seriesName(message.topic, message.payload, this.wanted.channelKey);
      const reading = readingOf(message.payload, this.wanted.payloadKey ?? undefined);
      if (message.retained || !name || !reading) continue;
      any = this.table.append(name, reading.at ?? bus.store.clusterTime(), reading.value * this.wanted.factor) || any;
    }
    if (any) this.changed();
  }
}

const sources = new Map<string, Source>();
const KEPT = 40;

function sourceOf(key: string, wanted: Wanted): Source {
  const known = sources.get(key);
  if (known) return known;
  const source = new Source(wanted);
  sources.set(key, source);
  if (sources.size > KEPT) {
    const oldest = [...sources].find(([name, one]) => name !== key && !one.isUsed);
    if (oldest) sources.delete(oldest[0]);
  }
  return source;
}

const idle = (): (() => void) => () => undefined;

/** The source for a request; equal requests share one. */
export function useSourceOf(wanted: Wanted): Source {
  const key = JSON.stringify(wanted);
  return useMemo(() => sourceOf(key, JSON.parse(key) as Wanted), [key]);
}

/** Follow a source while the component is shown. */
export function useSource(wanted: Wanted, enabled = true): { source: Source; version: number } {
  const source = useSourceOf(wanted);
  const version = useSyncExternalStore(enabled ? source.use : idle, source.version);
  return { source, version };
}
