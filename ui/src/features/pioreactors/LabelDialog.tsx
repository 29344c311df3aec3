/** What the unit is called in this experiment. */

import { Modal, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { path, request } from "@/api/client";
import { FormFooter } from "../../parts/FormFooter";

interface Props {
  opened: boolean;
  onClose: () => void;
  unit: string;
  experiment: string;
  label: string;
}

export function LabelDialog({ opened, onClose, unit, experiment, label }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title={`Label of ${unit}`}>
      {opened && <LabelForm onClose={onClose} unit={unit} experiment={experiment} label={label} />}
    </Modal>
  );
}

function LabelForm({ onClose, unit, experiment, label }: Omit<Props, "opened">) {
  const client = useQueryClient();
  const [text, setText] = useState(label);
  const saving = useMutation({
    mutationFn: () =>
      request("PATCH", path("api", "experiments", experiment, "unit_labels"), { unit, label: text.trim() }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["experiments", experiment, "unit_labels"] });
      onClose();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    saving.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="Label"
          description={`Shown instead of ${unit} in this experiment. Empty removes it.`}
          data-autofocus
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <FormFooter
          needs={["PATCH", path("api", "experiments", experiment, "unit_labels")]}
          error={saving.error}
          send="Save"
          isSending={saving.isPending}
          isComplete={text.trim() !== label}
          onCancel={onClose}
        />
      </Stack>
    </form>
  );
}
