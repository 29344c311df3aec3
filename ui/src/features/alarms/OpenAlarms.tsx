/** Alarms that stand, or that no one has acknowledged. */

import { Button, Group } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useAskAgain, useOpenAlarms } from "@/api/alarms";
import { path, request } from "@/api/client";
import type { Alarm } from "@/api/types";
import { AlarmLine } from "@/parts/AlarmLine";
import { Needs } from "@/parts/Needs";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { Acknowledge } from "./Acknowledge";
import css from "./alarms.module.css";
import { Shelve } from "./Shelve";

export function OpenAlarms() {
  const open = useOpenAlarms();
  const askAgain = useAskAgain();
  const [acknowledged, setAcknowledged] = useState<Alarm>();
  const [shelved, setShelved] = useState<Alarm>();
  const unshelving = useMutation({
    mutationFn: (id: number) => request("POST", path("api", "alarms", "by_id", String(id), "unshelve")),
    onSettled: askAgain,
  });
  if (open.error) return <Problem error={open.error} />;
  if (open.isPending) return <Waiting what="alarms" />;
  if (open.data.length === 0)
    return (
      <Empty title="No alarm is open.">
        <p className="soft">The leader watches units, jobs, measurements, disks and logs by the rules.</p>
      </Empty>
    );
  return (
    <>
      {unshelving.error && <Problem error={unshelving.error} />}
      <ul className={css.list} aria-label="Open alarms">
        {open.data.map((alarm) => (
          <li key={alarm.id} className={`panel ${css.row}`}>
            <AlarmLine alarm={alarm} />
            <Group gap="xs">
              {alarm.acknowledged_at === null && (
                <Needs call={["POST", "/api/alarms/acknowledge"]}>
                  <Button
                    size="compact-sm"
                    onClick={() => setAcknowledged(alarm)}
                    aria-label={`Acknowledge ${alarm.title}`}
                  >
                    Acknowledge
                  </Button>
                </Needs>
              )}
              {alarm.state === "shelved" ? (
                <Needs call={["POST", path("api", "alarms", "by_id", String(alarm.id), "unshelve")]}>
                  <Button size="compact-sm" variant="default" onClick={() => unshelving.mutate(alarm.id)}>
                    Unshelve
                  </Button>
                </Needs>
              ) : (
                <Needs call={["POST", path("api", "alarms", "by_id", String(alarm.id), "shelve")]}>
                  <Button
                    size="compact-sm"
                    variant="default"
                    onClick={() => setShelved(alarm)}
                    aria-label={`Shelve ${alarm.title}`}
                  >
                    Shelve
                  </Button>
                </Needs>
              )}
            </Group>
          </li>
        ))}
      </ul>
      <Acknowledge alarm={acknowledged} onClose={() => setAcknowledged(undefined)} />
      <Shelve alarm={shelved} onClose={() => setShelved(undefined)} />
    </>
  );
}
