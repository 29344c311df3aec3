/** Asks for the model of a unit that has none: its vial holds what the model says, and no more may be dosed. */

import { Button, Group, Modal } from "@mantine/core";
import { useState } from "react";
import { useWorkers } from "@/api/queries";
import { ModelChoice } from "@/units/ModelChoice";

export function ModelQuestion() {
  const workers = useWorkers().data ?? [];
  const [later, setLater] = useState<readonly string[]>([]);
  const asked = workers.find((one) => !one.model_name && !later.includes(one.pioreactor_unit));
  const unit = asked?.pioreactor_unit ?? "";
  const close = (): void => setLater([...later, unit]);
  return (
    <Modal opened={asked !== undefined} onClose={close} title={`Which model is ${unit}?`}>
      <p style={{ marginBottom: 12 }}>
        Until it is known, {unit} counts as a reactor with a vial of 40 mL. Doses and volumes are limited by the vial,
        and heating by the model.
      </p>
      {asked && <ModelChoice worker={asked} />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={close}>
          Later
        </Button>
      </Group>
    </Modal>
  );
}
