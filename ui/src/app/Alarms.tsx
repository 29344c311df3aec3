/** Alarms: lost units, unsent records, and warnings and errors until they are acknowledged. */

import { Popover, UnstyledButton } from "@mantine/core";
import { Link } from "react-router";
import { useLabels, useWorkers } from "@/api/queries";
import { useNow, useTopics } from "@/live/hooks";
import { type Records, useAllRecords, waitLong } from "@/live/records";
import { monitor } from "@/live/topics";
import { clock, count, many } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { LogList } from "@/parts/LogList";
import { atLeast } from "@/parts/levels";
import css from "./app.module.css";
import { useWarnings } from "./warnings";

const useActiveUnits = (): string[] =>
  (useWorkers().data ?? []).filter((worker) => worker.is_active !== 0).map((worker) => worker.pioreactor_unit);

function useLostUnits(units: readonly string[]): string[] {
  const states = useTopics(units.map((unit) => monitor(unit, "$state")));
  return units.filter((_, i) => states[i] === "lost");
}

interface UnsentRecords {
  unit: string;
  records: Records;
}

function useUnsentRecords(units: readonly string[]): UnsentRecords[] {
  const now = useNow(10);
  const said = useAllRecords(units);
  return units.flatMap((unit, i) => {
    const records = said[i];
    return records && waitLong(records, now) ? [{ unit, records }] : [];
  });
}

export function Alarms({ experiment }: { experiment: string }) {
  const [warnings, acknowledge] = useWarnings(experiment);
  const units = useActiveUnits();
  const lost = useLostUnits(units);
  const unsafe = useUnsentRecords(units);
  const labels = useLabels(experiment).data ?? {};
  const errors = warnings.filter((row) => atLeast(row.level, "ERROR")).length;
  const total = lost.length + unsafe.length + warnings.length;
  const grave = lost.length + errors > 0;
  if (total === 0) return null;
  return (
    <Popover position="bottom-end" width={380} shadow="md" withinPortal>
      <Popover.Target>
        <UnstyledButton
          className={`${css.link} ${grave ? css.linkAlarm : css.linkOld}`}
          aria-label={`${count(total, "alarm")}: show`}
        >
          <Icon name="lost" size={16} />
          <span className={css.alarmWord}>{count(total, "alarm")}</span>
          <span className={css.alarmCount}>{total}</span>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown p={0} className={css.alarms}>
        {lost.map((unit) => (
          <p key={unit} className={css.alarmLost}>
            <strong>{labels[unit] ?? unit} is lost.</strong> It stopped responding. Check its power and network; its
            activities may have stopped.
          </p>
        ))}
        {unsafe.map(({ unit, records }) => (
          <p key={`${unit} waits`} className={css.alarmLost}>
            <strong>
              {many(records.waiting, "record", "records")} of {labels[unit] ?? unit}{" "}
              {records.waiting === 1 ? "waits" : "wait"} since {clock(records.atS)}.
            </strong>{" "}
            They are stored on the unit and sent when the leader accepts them. Check that the leader has free disk space
            and that mqtt_to_db_streaming is running.
          </p>
        ))}
        <LogList rows={warnings} labels={labels} />
        <footer className={css.alarmFoot}>
          <Link to="/logs?level=WARNING">All warnings and errors</Link>
          {warnings.length > 0 && (
            <UnstyledButton className={css.forget} onClick={acknowledge}>
              Acknowledge
            </UnstyledButton>
          )}
        </footer>
      </Popover.Dropdown>
    </Popover>
  );
}
