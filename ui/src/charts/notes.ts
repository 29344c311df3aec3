/** Notes of people as flags on charts: a line at the moment, and the beginning of what was written. */

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type uPlot from "uplot";
import { completedBy, get, path } from "@/api/client";
import type { LogRow } from "@/api/types";
import { useLiveLogs } from "@/live/logs";
import { logsOf } from "@/live/topics";
import { secondsOf } from "@/parts/format";

export interface Note {
  /** Moment [s]. */
  at: number;
  text: string;
}

const CHARACTERS = 22;
const ROWS = 3;
const ROW_PX = 14;

/** Each note once: one that is for all units is in the log of every unit. */
export function notesOf(rows: readonly LogRow[], unit?: string): Note[] {
  const found = new Map<string, Note>();
  for (const { timestamp, message, pioreactor_unit } of rows) {
    if (unit !== undefined && pioreactor_unit !== unit && pioreactor_unit !== "$broadcast") continue;
    found.set(`${timestamp} ${message}`, { at: secondsOf(timestamp), text: message });
  }
  return [...found.values()].sort((a, b) => a.at - b.at);
}

/** The latest notes of an experiment, those that are written now included. */
export function useNotes(experiment: string, unit?: string): readonly Note[] {
  const { data } = useQuery({
    queryKey: ["logs", "notes", experiment],
    queryFn: ({ signal }) => get<LogRow[]>(`${path("api", "experiments", experiment, "logs")}?task=note`, signal),
    staleTime: 60_000,
    ...completedBy(logsOf(experiment)),
  });
  const rows = useLiveLogs(experiment, "INFO", data);
  return useMemo(
    () =>
      notesOf(
        rows.filter(({ task }) => task === "note"),
        unit,
      ),
    [rows, unit],
  );
}

export const shortened = (text: string): string =>
  text.length > CHARACTERS ? `${text.slice(0, CHARACTERS - 1).trimEnd()}…` : text;

export function drawNotes(u: uPlot, notes: readonly Note[], color: string, font: string): void {
  const { ctx, bbox } = u;
  const [from, to] = [u.scales.x?.min ?? 0, u.scales.x?.max ?? 0];
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.fillStyle = color;
  ctx.lineWidth = ratio;
  ctx.font = font;
  ctx.textBaseline = "top";
  notes
    .filter(({ at }) => at >= from && at <= to)
    .forEach(({ at, text }, i) => {
      const x = Math.round(u.valToPos(at, "x", true)) + 0.5;
      const y = bbox.top + (i % ROWS) * ROW_PX * ratio;
      ctx.setLineDash([4 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const label = shortened(text);
      const width = ctx.measureText(label).width;
      const fits = x + 5 * ratio + width <= bbox.left + bbox.width;
      ctx.textAlign = fits ? "left" : "right";
      ctx.fillText(label, x + (fits ? 5 : -5) * ratio, y);
    });
  ctx.restore();
}
