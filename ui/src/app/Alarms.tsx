/** What needs somebody now: units that are lost, and warnings and errors heard since the page was opened. */

import { Popover, UnstyledButton } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router";
import { useLabels, useWorkers } from "@/api/queries";
import type { LogRow } from "@/api/types";
import { useClusterTime, useStream, useTopics } from "@/live/hooks";
import { merged, readLog } from "@/live/logs";
import { type Records, useAllRecords, waitLong } from "@/live/records";
import type { Message } from "@/live/store";
import { CLUSTER, monitor } from "@/live/topics";
import { clock, count, many } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { LogList } from "@/parts/LogList";
import { atLeast } from "@/parts/levels";
import css from "./app.module.css";

const KEPT = 50;

/** Warnings and errors of the experiment and of the units themselves, newest first. */
function useTroubles(experiment: string): [LogRow[], () => void] {
  const [rows, setRows] = useState<LogRow[]>([]);
  const hear = (messages: Message[]): void => {
    const heard = messages.map(readLog).filter((row) => row !== undefined && atLeast(row.level, "WARNING")) as LogRow[];
    if (heard.length > 0) setRows((before) => merged(heard, before).slice(0, KEPT));
  };
  useStream(`pioreactor/+/${experiment}/logs/#`, hear);
  useStream(`pioreactor/+/${CLUSTER}/logs/#`, hear);
  return [rows, () => setRows([])];
}

const useActiveUnits = (): string[] =>
  (useWorkers().data ?? []).filter((worker) => worker.is_active !== 0).map((worker) => worker.pioreactor_unit);

function useLostUnits(units: readonly string[]): string[] {
  const states = useTopics(units.map((unit) => monitor(unit, "$state")));
  return units.filter((_, i) => states[i] === "lost");
}

interface Unsafe {
  unit: string;
  records: Records;
}

function useUnsafe(units: readonly string[]): Unsafe[] {
  const now = useClusterTime(10);
  const said = useAllRecords(units);
  return units.flatMap((unit, i) => {
    const records = said[i];
    return records && waitLong(records, now) ? [{ unit, records }] : [];
  });
}

export function Alarms({ experiment }: { experiment: string }) {
  const [troubles, forget] = useTroubles(experiment);
  const units = useActiveUnits();
  const lost = useLostUnits(units);
  const unsafe = useUnsafe(units);
  const labels = useLabels(experiment).data ?? {};
  const errors = troubles.filter((row) => atLeast(row.level, "ERROR")).length;
  const total = lost.length + unsafe.length + troubles.length;
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
            <strong>{labels[unit] ?? unit} is lost.</strong> It stopped answering. Check its power and network; what it
            was doing may have stopped.
          </p>
        ))}
        {unsafe.map(({ unit, records }) => (
          <p key={`${unit} waits`} className={css.alarmLost}>
            <strong>
              {many(records.waiting, "record", "records")} of {labels[unit] ?? unit}{" "}
              {records.waiting === 1 ? "waits" : "wait"} since {clock(records.atS)}.
            </strong>{" "}
            They are kept on the unit and sent when the leader takes them. Check that the leader has room on its disk
            and runs mqtt_to_db_streaming.
          </p>
        ))}
        <LogList rows={troubles} labels={labels} />
        <footer className={css.alarmFoot}>
          <Link to="/logs?level=WARNING">All warnings and errors</Link>
          {troubles.length > 0 && (
            <UnstyledButton className={css.forget} onClick={forget}>
              Seen
            </UnstyledButton>
          )}
        </footer>
      </Popover.Dropdown>
    </Popover>
  );
}
