/** Names, last values, and what a zoomed stretch amounts to; a click hides a unit in every chart. */

import { duration, legible, reading } from "@/parts/format";
import css from "./charts.module.css";
import type { Stroke } from "./palette";
import type { Summary } from "./stretch";

export interface LegendEntry {
  key: string;
  unit: string;
  name: string;
  stroke: Stroke;
  visible: boolean;
  value: number | undefined;
  summary: Summary | undefined;
}

export function Swatch({ stroke }: { stroke: Stroke }) {
  return (
    <svg width="16" height="8" aria-hidden="true" style={{ flex: "none" }}>
      <line
        x1="0"
        x2="16"
        y1="4"
        y2="4"
        stroke={stroke.color}
        strokeWidth="2.5"
        strokeDasharray={stroke.dash.map((n) => n / 1.4).join(" ")}
      />
    </svg>
  );
}

function inWords(summary: Summary): string {
  const slope = `${summary.slopePerH >= 0 ? "+" : "−"}${reading(Math.abs(summary.slopePerH))} /h`;
  const doubling =
    summary.doublingH !== undefined && summary.doublingH < 500
      ? `, doubles in ${duration(summary.doublingH * 3600)}`
      : "";
  return `mean ${reading(summary.mean)}, ${slope}${doubling}`;
}

interface Props {
  entries: readonly LegendEntry[];
  decimals: number;
  onToggle: (unit: string) => void;
}

export function Legend({ entries, decimals, onToggle }: Props) {
  return (
    <ul className={css.legend}>
      {entries.map(({ key, unit, name, stroke, visible, value, summary }) => (
        <li key={key}>
          <button
            type="button"
            aria-pressed={visible}
            className={css.entry}
            onClick={() => onToggle(unit)}
            title={visible ? `Hide ${name}` : `Show ${name}`}
          >
            <Swatch stroke={stroke} />
            <span>{name}</span>
            <span className={`num ${css.last}`}>{value === undefined ? "–" : legible(value, decimals)}</span>
            {visible && summary && <span className={`num ${css.summary}`}>{inWords(summary)}</span>}
          </button>
        </li>
      ))}
    </ul>
  );
}
