/** Takes a unit into the cluster. */

import { Modal, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { request } from "@/api/client";
import { useModels } from "@/api/queries";
import { FormFooter } from "@/parts/FormFooter";
import css from "./inventory.module.css";
import { wrongUnitName } from "./names";

interface Props {
  opened: boolean;
  onClose: () => void;
  known: readonly string[];
}

export function AddUnit({ opened, onClose, known }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add unit">
      {opened && <Form onClose={onClose} known={known} />}
    </Modal>
  );
}

function Form({ onClose, known }: Omit<Props, "opened">) {
  const client = useQueryClient();
  const models = useModels().data ?? [];
  const [name, setName] = useState("");
  const [chosen, choose] = useState<string>();
  const wrong = wrongUnitName(name, known);
  const choice =
    chosen ??
    models.find((one) => one.model_name === "pioreactor_40ml" && one.model_version === "1.5")?.display_name ??
    models[0]?.display_name ??
    "";
  const adding = useMutation({
    mutationFn: () => {
      const model = models.find((one) => one.display_name === choice);
      return request("PUT", "/api/workers", {
        pioreactor_unit: name.trim(),
        model_name: model?.model_name ?? null,
        model_version: model?.model_version ?? null,
      });
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["workers"] });
      onClose();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (wrong === undefined) adding.mutate();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      <TextInput
        label="Name"
        description="The unit's host name, as it was set up: letters, digits, - and _."
        data-autofocus
        required
        withAsterisk={false}
        value={name}
        error={name !== "" ? wrong : undefined}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <NativeSelect
        label="Model"
        value={choice}
        data={models.map((one) => one.display_name)}
        onChange={(event) => choose(event.currentTarget.value)}
      />
      <FormFooter
        error={adding.error}
        send="Add unit"
        isSending={adding.isPending}
        isComplete={wrong === undefined}
        onCancel={onClose}
      />
    </form>
  );
}
