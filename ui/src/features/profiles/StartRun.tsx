/** Starting a profile is asked once: it acts on every worker of the experiment. */

import { Button, Group, Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { ask } from "@/api/client";
import { useAssigned } from "@/api/queries";
import { count } from "@/parts/format";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";

interface Props {
  file: string;
  experiment: string;
  disabled: boolean;
  /** What helps to decide, such as a rehearsal. */
  children?: ReactNode;
}

export function StartRun({ file, experiment, disabled, children }: Props) {
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const units = (useAssigned(experiment).data ?? []).filter((one) => one.is_active);
  const starting = useMutation({
    mutationFn: () =>
      ask("PATCH", "/unit_api/jobs/run/job_name/experiment_profile", {
        args: ["execute", file, experiment],
        env: { EXPERIMENT: experiment },
      }),
    onSuccess: async () => {
      setAsking(false);
      await client.invalidateQueries({ queryKey: ["profiles running"] });
    },
  });
  return (
    <>
      <Needs call={["PATCH", "/unit_api/jobs/run/job_name/experiment_profile"]}>
        <Button disabled={disabled || experiment === ""} onClick={() => setAsking(true)}>
          Run
        </Button>
      </Needs>
      <Modal opened={asking} onClose={() => setAsking(false)} title={`Run ${file}?`}>
        <p>
          It acts on {count(units.length, "active unit")} of {experiment}
          {units.length > 0 && `: ${units.map((one) => one.pioreactor_unit).join(", ")}`}.
        </p>
        {starting.error && <Problem error={starting.error} />}
        <Group justify="flex-end" mt="md">
          {children}
          <Button variant="default" onClick={() => setAsking(false)}>
            Cancel
          </Button>
          <Needs call={["PATCH", "/unit_api/jobs/run/job_name/experiment_profile"]}>
            <Button loading={starting.isPending} onClick={() => starting.mutate()}>
              Run profile
            </Button>
          </Needs>
        </Group>
      </Modal>
    </>
  );
}
