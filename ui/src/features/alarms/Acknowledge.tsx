/** A person states that they take care of an alarm, with a note for the others. */

import { Modal, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useAskAgain } from "@/api/alarms";
import { request } from "@/api/client";
import type { Alarm } from "@/api/types";
import { AlarmLine } from "@/parts/AlarmLine";
import { FormFooter } from "@/parts/FormFooter";
import css from "./alarms.module.css";

interface Props {
  alarm: Alarm | undefined;
  onClose: () => void;
}

export function Acknowledge({ alarm, onClose }: Props) {
  return (
    <Modal opened={alarm !== undefined} onClose={onClose} title="Acknowledge alarm">
      {alarm && <Form alarm={alarm} onClose={onClose} />}
    </Modal>
  );
}

function Form({ alarm, onClose }: { alarm: Alarm; onClose: () => void }) {
  const askAgain = useAskAgain();
  const [note, setNote] = useState("");
  const sending = useMutation({
    mutationFn: () => request("POST", "/api/alarms/acknowledge", { ids: [alarm.id], note }),
    onSuccess: async () => {
      await askAgain();
      onClose();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    sending.mutate();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      <AlarmLine alarm={alarm} />
      <TextInput
        label="Note"
        description="What is being done about it; others see it."
        maxLength={1000}
        data-autofocus
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      <FormFooter
        needs={["POST", "/api/alarms/acknowledge"]}
        error={sending.error}
        send="Acknowledge"
        isSending={sending.isPending}
        isComplete
        onCancel={onClose}
      />
    </form>
  );
}
