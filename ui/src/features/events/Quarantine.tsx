/** A line about records that could not be stored, with another try; nothing while there are none. */

import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ask } from "@/api/client";
import { useQuarantined } from "@/api/queries";
import { many } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./events.module.css";

interface Outcome {
  stored: number;
  failed: number;
  reasons: Record<string, string>;
}

export function Quarantine() {
  const client = useQueryClient();
  const found = useQuarantined();
  const retry = useMutation({
    mutationFn: async () => (await ask("POST", "/api/quarantine/retry", {})) as Outcome,
    onSettled: () => client.invalidateQueries({ queryKey: ["quarantine"] }),
  });
  const latest = found.data?.rows[0];
  if (!found.data || !latest) return null;
  const left = retry.data && retry.data.failed > 0 ? Object.values(retry.data.reasons)[0] : undefined;
  return (
    <>
      <div role="status" className={css.quarantine}>
        <Icon name="clock" />
        <div>
          <p>
            {many(found.data.total, "record", "records")} could not be stored. The latest, of{" "}
            {latest.pioreactor_unit ?? "an unknown unit"}: {left ?? latest.reason}
          </p>
          <p className="soft">
            Nothing of them is lost: they are kept apart. On the leader, pio db quarantine list shows them all.
          </p>
        </div>
        <Needs call={["POST", "/api/quarantine/retry"]}>
          <Button variant="default" size="compact-sm" loading={retry.isPending} onClick={() => retry.mutate()}>
            Try again
          </Button>
        </Needs>
      </div>
      {retry.error && <Problem error={retry.error} />}
    </>
  );
}
