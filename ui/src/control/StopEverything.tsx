/** Asks once, in words that name the consequence, before everything stops. */

import { Button, Group, Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { EVERYONE } from "@/live/topics";
import { count } from "@/parts/format";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import { stopEverything, stoppingAll } from "./commands";

interface Props {
  opened: boolean;
  onClose: () => void;
  experiment: string;
  units: readonly string[];
}

export function StopEverything({ opened, onClose, experiment, units }: Props) {
  const stopping = useMutation({ mutationFn: () => stopEverything(EVERYONE, experiment), onSuccess: onClose });
  return (
    <Modal opened={opened} onClose={onClose} title="Stop all activity?">
      <p>
        Stops stirring, readings, dosing, heating and light on {count(units.length, "unit")} of {experiment}. Cultures
        keep growing, unstirred.
      </p>
      {stopping.error && <Problem error={stopping.error} />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Needs call={stoppingAll(EVERYONE, experiment)}>
          <Button color="red" loading={stopping.isPending} onClick={() => stopping.mutate()}>
            Stop {count(units.length, "unit")}
          </Button>
        </Needs>
      </Group>
    </Modal>
  );
}
