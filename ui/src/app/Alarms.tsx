/** The bell: open alarms that no one has acknowledged, the same on every device. */

import { Popover, UnstyledButton } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link } from "react-router";
import { useAlarmsLive, useAskAgain, useOpenAlarms } from "@/api/alarms";
import { request } from "@/api/client";
import { useLabels } from "@/api/queries";
import { AlarmLine } from "@/parts/AlarmLine";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./app.module.css";
import { useNotifications } from "./notify";

export function Alarms({ experiment }: { experiment: string }) {
  useAlarmsLive();
  const askAgain = useAskAgain();
  const open = useOpenAlarms();
  useNotifications(open.data);
  const labels = useLabels(experiment, experiment !== "").data ?? {};
  const waiting = (open.data ?? []).filter(({ state }) => state === "unacknowledged" || state === "cleared");
  const acknowledging = useMutation({
    mutationFn: () => request("POST", "/api/alarms/acknowledge", { ids: waiting.map(({ id }) => id) }),
    onSettled: askAgain,
  });
  if (waiting.length === 0) return null;
  const grave = waiting.some(({ severity }) => severity === "high" || severity === "critical");
  return (
    <Popover position="bottom-end" width={380} shadow="md" withinPortal>
      <Popover.Target>
        <UnstyledButton
          className={`${css.link} ${grave ? css.linkAlarm : css.linkOld}`}
          aria-label={`${count(waiting.length, "alarm")}: show`}
        >
          <Icon name="bell" size={16} />
          <span className={css.alarmWord}>{count(waiting.length, "alarm")}</span>
          <span className={css.alarmCount}>{waiting.length}</span>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown p={0} className={css.alarms}>
        <ul aria-label="Alarms" className={css.alarmList}>
          {waiting.slice(0, 50).map((alarm) => (
            <li key={alarm.id} className={css.alarmLost}>
              <AlarmLine alarm={alarm} label={labels[alarm.pioreactor_unit]} />
            </li>
          ))}
        </ul>
        {acknowledging.error && <Problem error={acknowledging.error} />}
        <footer className={css.alarmFoot}>
          <Link to="/alarms">All alarms</Link>
          <Needs call={["POST", "/api/alarms/acknowledge"]}>
            <UnstyledButton className={css.forget} onClick={() => acknowledging.mutate()}>
              Acknowledge
            </UnstyledButton>
          </Needs>
        </footer>
      </Popover.Dropdown>
    </Popover>
  );
}
