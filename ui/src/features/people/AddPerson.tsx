/** Asks for the name and the first password of a person who may sign in. */

import { Modal, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { request } from "@/api/client";
import { FormFooter } from "@/parts/FormFooter";
import { nameFault, passwordFault } from "./passwords";
import css from "./people.module.css";
import { AS_VIEWER, type ChosenRights, RightsFields } from "./RightsFields";

interface Props {
  opened: boolean;
  onClose: () => void;
}

export function AddPerson({ opened, onClose }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add person">
      {opened && <Form onClose={onClose} />}
    </Modal>
  );
}

function Form({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [rights, setRights] = useState<ChosenRights>(AS_VIEWER);
  const adding = useMutation({
    mutationFn: () => request("PUT", "/auth/people", { username, password, ...rights }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["people"] });
      onClose();
    },
  });
  const faults = [nameFault(username), passwordFault(password)];
  const isComplete = faults.every((fault) => fault === undefined);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isComplete) adding.mutate();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      <TextInput
        label="Name"
        description="Letters, digits and _ . @ -"
        data-autofocus
        autoComplete="off"
        maxLength={64}
        value={username}
        error={username === "" ? undefined : faults[0]}
        onChange={(event) => setUsername(event.currentTarget.value)}
      />
      <PasswordInput
        label="First password"
        description="At least 10 characters; the person changes it after signing in."
        autoComplete="new-password"
        value={password}
        error={password === "" ? undefined : faults[1]}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      <RightsFields value={rights} onChange={setRights} />
      <FormFooter
        needs={["PUT", "/auth/people"]}
        error={adding.error}
        send="Add person"
        isSending={adding.isPending}
        isComplete={isComplete}
        onCancel={onClose}
      />
    </form>
  );
}
