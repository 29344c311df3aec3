/** Changes the password of the person who is signed in; other browsers are signed out. */

import { Modal, PasswordInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { request } from "@/api/client";
import { FormFooter } from "@/parts/FormFooter";
import { passwordFault } from "./passwords";
import css from "./people.module.css";

interface Props {
  opened: boolean;
  onClose: () => void;
}

export function ChangePassword({ opened, onClose }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Change password">
      {opened && <Form onClose={onClose} />}
    </Modal>
  );
}

function Form({ onClose }: { onClose: () => void }) {
  const [present, setPresent] = useState("");
  const [chosen, setChosen] = useState("");
  const [again, setAgain] = useState("");
  const changing = useMutation({
    mutationFn: () => request("PATCH", "/auth/password", { present, new: chosen }),
    onSuccess: onClose,
  });
  const fault = passwordFault(chosen);
  const differs = again !== "" && again !== chosen;
  const isComplete = present !== "" && fault === undefined && again === chosen;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isComplete) changing.mutate();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      <PasswordInput
        label="Current password"
        data-autofocus
        autoComplete="current-password"
        value={present}
        onChange={(event) => setPresent(event.currentTarget.value)}
      />
      <PasswordInput
        label="New password"
        description="At least 10 characters. Your other browsers are signed out."
        autoComplete="new-password"
        value={chosen}
        error={chosen === "" ? undefined : fault}
        onChange={(event) => setChosen(event.currentTarget.value)}
      />
      <PasswordInput
        label="New password again"
        autoComplete="new-password"
        value={again}
        error={differs ? "The two are different." : undefined}
        onChange={(event) => setAgain(event.currentTarget.value)}
      />
      <FormFooter
        needs={["PATCH", "/auth/password"]}
        error={changing.error}
        send="Change password"
        isSending={changing.isPending}
        isComplete={isComplete}
        onCancel={onClose}
      />
    </form>
  );
}
