/** Events as they are published, in front of those already on record. */

import { useMemo, useState } from "react";
import type { LogRow } from "@/api/types";
import { atLeast } from "@/parts/levels";
import { useStream } from "./hooks";
import type { Message } from "./store";
import { ALL, logsOf, parse } from "./topics";

const KEPT = 300;

export function readLog(message: Message): LogRow | undefined {
  const topic = parse(message.topic);
  if (topic?.rest[0] !== "logs") return undefined;
  try {
    const { message: text, level, task, timestamp } = JSON.parse(message.payload) as Record<string, string>;
    if (text === undefined || level === undefined || timestamp === undefined) return undefined;
    return {
      message: text,
      level,
      task: task ?? "",
      timestamp,
      pioreactor_unit: topic.unit,
      experiment: topic.experiment,
    };
  } catch {
    return undefined;
  }
}

const keyOf = (row: LogRow): string => `${Date.parse(row.timestamp)} ${row.pioreactor_unit} ${row.message}`;

/** Newest first, each event once although history and broker both tell it. */
export function merged(live: readonly LogRow[], history: readonly LogRow[]): LogRow[] {
  const seen = new Set<string>();
  return [...live, ...history]
    .filter((row) => !seen.has(keyOf(row)) && seen.add(keyOf(row)))
    .sort((a, b) => Date.parse(b.timestamp) - Date.parse(a.timestamp));
}

export function useLiveLogs(
  experiment: string,
  level: string,
  history: readonly LogRow[] | undefined,
  unit?: string,
): LogRow[] {
  const [live, setLive] = useState<LogRow[]>([]);
  useStream(logsOf(experiment, unit), (messages) => {
    const rows = messages.map(readLog).filter((row) => row !== undefined);
    if (rows.length > 0) setLive((before) => [...rows.reverse(), ...before].slice(0, KEPT));
  });
  return useMemo(
    () =>
      merged(
        live.filter((row) => atLeast(row.level, level) && (experiment === ALL || row.experiment === experiment)),
        history ?? [],
      ),
    [live, history, level, experiment],
  );
}
