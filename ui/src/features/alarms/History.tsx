/** Alarms of the past, newest first, each with what happened to it. */

import { Button, Group } from "@mantine/core";
import { useState } from "react";
import { useAlarm, useAlarmHistory } from "@/api/alarms";
import { AlarmLine } from "@/parts/AlarmLine";
import { clockWithSeconds, day, secondsOf } from "@/parts/format";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import css from "./alarms.module.css";

const PAGE = 50;

export function History() {
  const [skip, setSkip] = useState(0);
  const history = useAlarmHistory(skip);
  if (history.error) return <Problem error={history.error} />;
  if (history.isPending) return <Waiting what="the history" />;
  if (history.data.length === 0 && skip === 0) return <Empty title="There was no alarm yet." />;
  return (
    <>
      <ul className={css.list} aria-label="History of alarms">
        {history.data.map((alarm) => (
          <li key={alarm.id} className={`panel ${css.row}`}>
            <AlarmLine alarm={alarm} />
            <details className={css.life}>
              <summary>What happened</summary>
              <Life id={alarm.id} />
            </details>
          </li>
        ))}
      </ul>
      <Group justify="space-between" mt="md">
        <Button variant="default" disabled={skip === 0} onClick={() => setSkip(Math.max(0, skip - PAGE))}>
          Newer
        </Button>
        <Button variant="default" disabled={history.data.length < PAGE} onClick={() => setSkip(skip + PAGE)}>
          Older
        </Button>
      </Group>
    </>
  );
}

function Life({ id }: { id: number }) {
  const alarm = useAlarm(id);
  if (alarm.error) return <Problem error={alarm.error} />;
  if (alarm.isPending) return <Waiting what="what happened" />;
  return (
    <ol className={css.events}>
      {alarm.data.events.map(({ id: key, timestamp, event, username, message }) => (
        <li key={key}>
          <span className="num soft">
            {day(secondsOf(timestamp))}, {clockWithSeconds(secondsOf(timestamp))}
          </span>{" "}
          {event.replaceAll("_", " ")}
          {username ? ` by ${username}` : ""}
          {message ? `: ${message}` : ""}
        </li>
      ))}
    </ol>
  );
}
