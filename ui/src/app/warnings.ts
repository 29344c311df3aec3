/** Warnings and errors without an acknowledgment: what the leader recorded, and what arrived since. */

import { useState } from "react";
import { useRecentLogs } from "@/api/queries";
import type { LogRow } from "@/api/types";
import { useStream } from "@/live/hooks";
import { merged, readLog } from "@/live/logs";
import type { Message } from "@/live/store";
import { logsOf, ofClusterLogs } from "@/live/topics";
import { secondsOf } from "@/parts/format";
import { atLeast } from "@/parts/levels";
import { recall, remember } from "@/parts/remembered";

const KEPT = 50;

/** Return the rows that are newer than what was acknowledged [s], newest first, each message of a unit once. */
export function unacknowledged(rows: readonly LogRow[], acknowledgedS: number): LogRow[] {
  const told = new Set<string>();
  return rows
    .filter((row) => {
      const key = `${row.pioreactor_unit} ${row.task} ${row.message}`;
      return secondsOf(row.timestamp) > acknowledgedS && !told.has(key) && told.add(key);
    })
    .slice(0, KEPT);
}

const keyOf = (experiment: string): string => `pioreactor.acknowledged.${experiment}`;

/** Warnings of an experiment and of the units themselves, and what acknowledges all of them in this browser. */
export function useWarnings(experiment: string): [LogRow[], () => void] {
  const [live, setLive] = useState<LogRow[]>([]);
  const [acknowledgedS, setAcknowledgedS] = useState(() => Number(recall(keyOf(experiment)) ?? 0));
  const recorded = useRecentLogs(experiment, "WARNING");
  const onMessages = (messages: Message[]): void => {
    const received = messages
      .map(readLog)
      .filter((row) => row !== undefined && atLeast(row.level, "WARNING")) as LogRow[];
    if (received.length > 0) setLive((before) => merged(received, before).slice(0, KEPT));
  };
  useStream(logsOf(experiment), onMessages);
  useStream(ofClusterLogs, onMessages);
  const rows = unacknowledged(merged(live, recorded.data ?? []), acknowledgedS);
  const acknowledge = (): void => {
    const newestS = Math.max(acknowledgedS, ...rows.map((row) => secondsOf(row.timestamp)));
    remember(keyOf(experiment), String(newestS));
    setAcknowledgedS(newestS);
  };
  return [rows, acknowledge];
}
