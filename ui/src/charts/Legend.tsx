/** Names, last values, and what a zoomed stretch amounts to; a click hides a unit in every chart. */

import css from "./charts.module.css";
import type { Stroke } from "./palette";

export interface LegendEntry {
  key: string;
  unit: string;
  name: string;
  stroke: Stroke;
  visible: boolean;
  /** With its digits, at the cursor or the last one. */
  value: string | undefined;
  /** What the zoomed stretch amounts to, in words. */
  summary: string | undefined;
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

interface Props {
  entries: readonly LegendEntry[];
  onToggle: (unit: string) => void;
}

export function Legend({ entries, onToggle }: Props) {
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
            <span className={`num ${css.last}`}>{value ?? "–"}</span>
            {visible && summary && <span className={`num ${css.summary}`}>{summary}</span>}
          </button>
        </li>
      ))}
    </ul>
  );
}
