/** Events as lines: when, who, what; the level as icon, word and color when it matters. */

import type { LogRow } from "@/api/types";
import { clockWithSeconds, day, secondsOf } from "./format";
import { Icon, type IconName } from "./icons";
import css from "./LogList.module.css";

const MARKS: Record<string, { icon: IconName; tone: string }> = {
  NOTICE: { icon: "check", tone: css.notice ?? "" },
  WARNING: { icon: "lost", tone: css.warning ?? "" },
  ERROR: { icon: "lost", tone: css.error ?? "" },
  CRITICAL: { icon: "lost", tone: css.error ?? "" },
};

export function LogLevel({ level: given }: { level: string | null }) {
  const level = given ?? "INFO";
  const mark = MARKS[level.toUpperCase()];
  const word = level[0]?.toUpperCase() + level.slice(1).toLowerCase();
  if (!mark) return <span className="soft small">{word}</span>;
  return (
    <span className={`${css.level} ${mark.tone}`}>
      <Icon name={mark.icon} size={13} />
      {word}
    </span>
  );
}

export function LogList({ rows, labels }: { rows: readonly LogRow[]; labels: Record<string, string> }) {
  return (
    <ol className={css.list} aria-label="Events">
      {rows.map((row) => {
        const at = secondsOf(row.timestamp);
        return (
          <li key={`${row.timestamp}${row.pioreactor_unit}${row.message}`} className={css.row}>
            <p className={css.meta}>
              <time dateTime={row.timestamp} className="num" title={row.timestamp}>
                {day(at)}, {clockWithSeconds(at)}
              </time>
              <span>
                {labels[row.pioreactor_unit] ??
                  (row.pioreactor_unit === "$broadcast" ? "all units" : row.pioreactor_unit)}
              </span>
              <span>{(row.task ?? "").replaceAll("_", " ")}</span>
              {MARKS[(row.level ?? "").toUpperCase()] && <LogLevel level={row.level} />}
            </p>
            <p className={css.message}>{row.message}</p>
          </li>
        );
      })}
    </ol>
  );
}
