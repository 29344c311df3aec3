/** Writes a person's note into the event log, at the cluster's own time. */

import { Button, Group, Modal, NativeSelect, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { path, request } from "@/api/client";
import { named } from "@/control/units";
import { bus } from "@/live/bus";
import { EVERYONE } from "@/live/topics";
import { useDraft } from "@/parts/draft";
import { Problem } from "@/parts/Problem";
import css from "./units.module.css";

interface Props {
  opened: boolean;
  onClose: () => void;
  experiment: string;
  units: readonly string[];
  labels: Record<string, string>;
}

/** The newest moment the cluster spoke of, or the browser's clock when it has not spoken yet. */
const clusterNow = (): string =>
  new Date(bus.store.clusterTime() > 0 ? bus.store.clusterTime() * 1000 : Date.now()).toISOString();

export function RecordEvent({ opened, onClose, experiment, units, labels }: Props) {
  const [unit, setUnit] = useState(EVERYONE);
  // Kept while the dialog is closed, and when the page is left: what was typed is not lost.
  const { text: message, setText: setMessage, discard } = useDraft(`event ${experiment}`, "");
  const client = useQueryClient();
  const recording = useMutation({
    mutationFn: () =>
      request("POST", path("api", "workers", unit, "experiments", experiment, "logs"), {
        message: message.trim(),
        source: "user",
        source_: "ui",
        level: "INFO",
        task: "note",
        timestamp: clusterNow(),
      }),
    onSuccess: () => {
      discard();
      onClose();
      void client.invalidateQueries({ queryKey: ["experiments", experiment, "recent_logs"] });
      void client.invalidateQueries({ queryKey: ["logs"] });
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    recording.mutate();
  };
  return (
    <Modal opened={opened} onClose={onClose} title="Record event">
      <form onSubmit={submit} className={css.stack}>
        <Textarea
          label="What happened"
          placeholder="Changed the media bottle"
          autosize
          minRows={3}
          data-autofocus
          required
          withAsterisk={false}
          value={message}
          onChange={(event) => setMessage(event.currentTarget.value)}
        />
        <NativeSelect
          label="To which unit"
          value={unit}
          onChange={(event) => setUnit(event.currentTarget.value)}
          data={[
            { value: EVERYONE, label: "All units of this experiment" },
            ...units.map((one) => ({ value: one, label: named(one, labels[one]) })),
          ]}
        />
        {recording.error && <Problem error={recording.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={recording.isPending} disabled={message.trim() === ""}>
            Record
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
