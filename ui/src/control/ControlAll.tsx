/** The same controls, for every unit of the experiment at once. */

import { Modal, NativeSelect } from "@mantine/core";
import { useState } from "react";
import type { JobDescriptor } from "@/api/types";
import { EVERYONE } from "@/live/topics";
import { count } from "@/parts/format";
import { Activity } from "./ActivityDialog";
import css from "./control.module.css";

interface Props {
  opened: boolean;
  onClose: () => void;
  experiment: string;
  units: readonly string[];
  jobs: readonly JobDescriptor[];
}

export function ControlAll({ opened, onClose, experiment, units, jobs }: Props) {
  const [chosen, choose] = useState<string>();
  const job = jobs.find((one) => one.job_name === chosen) ?? jobs[0];
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={`Control all ${count(units.length, "unit")}`}
      size={480}
      classNames={{ body: css.dialog ?? "" }}
    >
      <NativeSelect
        label="Activity"
        value={job?.job_name ?? ""}
        onChange={(event) => choose(event.currentTarget.value)}
        data={jobs.map((one) => ({ value: one.job_name, label: one.display_name }))}
      />
      {job && (
        <Activity key={job.job_name} job={job} where={{ unit: EVERYONE, units, experiment, job: job.job_name }} />
      )}
    </Modal>
  );
}
