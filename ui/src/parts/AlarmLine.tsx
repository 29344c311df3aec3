/** What is wrong, where, since when, and what became of it. */

import type { Alarm } from "@/api/types";
import css from "./AlarmLine.module.css";
import { clock, day, secondsOf } from "./format";
import { Icon } from "./icons";

const TONES: Record<string, string> = { critical: css.grave ?? "", high: css.grave ?? "", medium: css.medium ?? "" };

/** What became of an alarm, in words. */
export function fateOf({ state, acknowledged_by, note, shelved_until, cleared_at }: Alarm): string {
  const parts: string[] = [];
  if (shelved_until) parts.push(`shelved until ${day(secondsOf(shelved_until))}, ${clock(secondsOf(shelved_until))}`);
  if (acknowledged_by) parts.push(`acknowledged by ${acknowledged_by}${note ? `: “${note}”` : ""}`);
  if (cleared_at) parts.push(`cleared at ${clock(secondsOf(cleared_at))}`);
  if (state === "cleared") parts.push("not acknowledged");
  return parts.join("; ");
}

export function AlarmLine({ alarm, label }: { alarm: Alarm; label?: string | undefined }) {
  const raisedS = secondsOf(alarm.raised_at);
  const unit = label ?? alarm.pioreactor_unit;
  const fate = fateOf(alarm);
  const times = alarm.occurrences > 1 ? `, ${alarm.occurrences} times` : "";
  return (
    <div className={css.line}>
      <p className={css.head}>
        <span className={`${css.severity} ${TONES[alarm.severity] ?? ""}`}>
          <Icon name="lost" size={13} />
          {alarm.severity}
        </span>
        <strong>{alarm.title}</strong>
      </p>
      <p>
        {alarm.message} {alarm.remedy}
      </p>
      <p className="soft small">
        {unit === "" ? "Cluster" : unit}, since {day(raisedS)}, {clock(raisedS)}
        {times}
        {fate === "" ? "" : `; ${fate}`}
      </p>
    </div>
  );
}
