/** Takes a still now, between two OD readings. */

import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ask } from "@/api/client";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import { camerasKey, stillsKey, stillsPath } from "@/stills/stills";

export function TakeStill({ unit, label, experiment }: { unit: string; label: string; experiment: string }) {
  const client = useQueryClient();
  const taking = useMutation({
    mutationFn: () => ask("POST", stillsPath(unit, experiment), undefined, { everyMs: 500, attempts: 120 }),
    onSuccess: () =>
      Promise.all(
        [camerasKey(experiment), stillsKey(unit, experiment)].map((queryKey) => client.invalidateQueries({ queryKey })),
      ),
  });
  return (
    <>
      <Needs call={["POST", stillsPath(unit, experiment)]}>
        <Button
          variant="default"
          leftSection={<Icon name="camera" size={16} />}
          loading={taking.isPending}
          aria-label={`Take a still of ${label}`}
          onClick={() => taking.mutate()}
        >
          Take a still
        </Button>
      </Needs>
      {taking.error && <Problem error={taking.error} />}
    </>
  );
}
