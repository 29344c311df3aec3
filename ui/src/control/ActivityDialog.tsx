/** Everything about one activity of one unit, or of all units: its state, what can be done, its settings. */

import { Button, Modal } from "@mantine/core";
import { useState } from "react";
import { useJobOf } from "@/api/queries";
import type { AutomationKind, JobDescriptor } from "@/api/types";
import { useReading, useTopic } from "@/live/hooks";
import * as topics from "@/live/topics";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { StateBadge } from "@/parts/StateBadge";
import { isRunning } from "@/parts/states";
import { AdvancedStart } from "./AdvancedStart";
import { type ConfigOverride, changing, pause, resume, start, starting, stop, type Where } from "./commands";
import css from "./control.module.css";
import { JobSettings } from "./JobSettings";
import { OutcomeLine } from "./OutcomeLine";
import { StartAutomation } from "./StartAutomation";
import { useCommand } from "./useCommand";
import { VialOf } from "./VialOf";

const KINDS: Record<string, AutomationKind> = {
  dosing_automation: "dosing",
  temperature_automation: "temperature",
  led_automation: "led",
};

interface Props {
  job: JobDescriptor;
  where: Where;
  /** Who is addressed, in words. */
  who: string;
  opened: boolean;
  onClose: () => void;
}

export function ActivityDialog({ job, where, who, opened, onClose }: Props) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={`${job.display_name}, ${who}`}
      size={460}
      classNames={{ body: css.dialog ?? "" }}
    >
      <Activity job={job} where={where} />
    </Modal>
  );
}

export function Activity({ job: described, where }: { job: JobDescriptor; where: Where }) {
  const job = useJobOf(where.units, described);
  const single = where.units.length === 1;
  const unit = where.units[0] ?? where.unit;
  const received = useTopic(topics.state(unit, where.experiment, where.job));
  const state = single ? received : undefined;
  const efflux = useReading(topics.bioreactor(unit, where.experiment, "efflux_tube_volume_ml"))?.value;
  const automation = useTopic(topics.setting(unit, where.experiment, where.job, "automation_name"));
  const { outcome, send } = useCommand();
  const [overrides, setOverrides] = useState<readonly ConfigOverride[]>([]);
  const kind = KINDS[job.job_name];
  const running = single ? isRunning(state) : true;
  const busy = outcome.phase === "sent";

  return (
    <>
      {job.description && <p className="soft">{job.description}</p>}
      <div className={css.stateLine}>
        {single && <StateBadge state={state} />}
        {single && kind && running && automation && <strong>{automation.replaceAll("_", " ")}</strong>}
        {single && <span className={css.spring} />}
        {(!single || !running) && !kind && (
          <Needs call={starting(where)}>
            <Button
              leftSection={<Icon name="on" size={16} />}
              disabled={busy}
              onClick={() => send(start(where, { overrides }))}
            >
              Start
            </Button>
          </Needs>
        )}
        {(!single || state === "ready") && (
          <Needs call={changing(where)}>
            <Button
              variant="default"
              leftSection={<Icon name="paused" size={16} />}
              disabled={busy}
              onClick={() => send(pause(where))}
            >
              Pause
            </Button>
          </Needs>
        )}
        {(!single || state === "sleeping") && (
          <Needs call={changing(where)}>
            <Button
              variant="default"
              leftSection={<Icon name="on" size={16} />}
              disabled={busy}
              onClick={() => send(resume(where))}
            >
              Resume
            </Button>
          </Needs>
        )}
        {(!single || running) && (
          <Needs call={changing(where)}>
            <Button
              variant="default"
              leftSection={<Icon name="stop" size={16} />}
              disabled={busy}
              onClick={() => send(stop(where))}
            >
              Stop
            </Button>
          </Needs>
        )}
      </div>
      <OutcomeLine outcome={outcome} />
      {kind === "dosing" && single && !running && <VialOf unit={unit} experiment={where.experiment} />}
      {kind && (!single || !running) && (
        <StartAutomation
          kind={kind}
          where={where}
          busy={busy}
          effluxMl={efflux}
          onStart={(options) => send(start(where, { options, overrides }))}
        />
      )}
      {(!single || !running) && (
        <AdvancedStart job={job.job_name} unit={unit} overrides={overrides} onChange={setOverrides} />
      )}
      {running && <JobSettings job={job} kind={kind} where={where} />}
    </>
  );
}
