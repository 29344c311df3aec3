/** Sets an alarm aside for some hours: no messages, also when it is raised again. */

import { Modal, NumberInput, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useAskAgain } from "@/api/alarms";
import { path, request } from "@/api/client";
import type { Alarm } from "@/api/types";
import { AlarmLine } from "@/parts/AlarmLine";
import { FormFooter } from "@/parts/FormFooter";
import css from "./alarms.module.css";

interface Props {
  alarm: Alarm | undefined;
  onClose: () => void;
}

export function Shelve({ alarm, onClose }: Props) {
  return (
    <Modal opened={alarm !== undefined} onClose={onClose} title="Shelve alarm">
      {alarm && <Form alarm={alarm} onClose={onClose} />}
    </Modal>
  );
}

function Form({ alarm, onClose }: { alarm: Alarm; onClose: () => void }) {
  const askAgain = useAskAgain();
  const [hours, setHours] = useState<number | string>(8);
  const [note, setNote] = useState("");
  const isValid = typeof hours === "number" && hours > 0 && hours <= 720;
  const sending = useMutation({
    mutationFn: () => request("POST", path("api", "alarms", "by_id", String(alarm.id), "shelve"), { hours, note }),
    onSuccess: async () => {
      await askAgain();
      onClose();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isValid) sending.mutate();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      <AlarmLine alarm={alarm} />
      <NumberInput
        label="For"
        suffix=" h"
        description="More than 0, at most 720 h. No messages meanwhile, also when it is raised again."
        data-autofocus
        value={hours}
        onChange={setHours}
        error={isValid ? undefined : "More than 0, at most 720 h"}
      />
      <TextInput label="Note" maxLength={1000} value={note} onChange={(event) => setNote(event.currentTarget.value)} />
      <FormFooter
        needs={["POST", path("api", "alarms", "by_id", String(alarm.id), "shelve")]}
        error={sending.error}
        send="Shelve"
        isSending={sending.isPending}
        isComplete={isValid}
        onCancel={onClose}
      />
    </form>
  );
}
