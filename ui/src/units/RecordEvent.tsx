/** Writes a person's note into the event log, at the cluster's own time. */

import { Button, Group, Modal, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { path, request } from "@/api/client";
import { named } from "@/control/units";
import { bus } from "@/live/bus";
import { EVERYONE } from "@/live/topics";
import { useDraft } from "@/parts/draft";
import { localMoment, momentAt } from "@/parts/moments";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./units.module.css";

interface Props {
  opened: boolean;
  onClose: () => void;
  experiment: string;
  units: readonly string[];
  labels: Record<string, string>;
  /** The unit first offered; all of them by default. */
  unit?: string;
  /** The moment [s] first offered; now by default. */
  at?: number | undefined;
}

/** The newest moment the cluster spoke of, or the browser's clock when it has not spoken yet. */
const clusterNow = (): string =>
  new Date(bus.store.clusterTime() > 0 ? bus.store.clusterTime() * 1000 : Date.now()).toISOString();

export function RecordEvent(props: Props) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title="Record event">
      {props.opened && <Form {...props} />}
    </Modal>
  );
}

function Form({ onClose, experiment, units, labels, unit: first = EVERYONE, at }: Props) {
  const [unit, setUnit] = useState(first);
  const [when, setWhen] = useState(at === undefined ? "" : localMoment(at));
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
        timestamp: when === "" ? clusterNow() : new Date(momentAt(when) * 1000).toISOString(),
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
      <TextInput
        type="datetime-local"
        step={1}
        label="When"
        description="Empty: now"
        value={when}
        onChange={(event) => setWhen(event.currentTarget.value)}
      />
      {recording.error && <Problem error={recording.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Needs call={["POST", path("api", "workers", unit, "experiments", experiment, "logs")]}>
          <Button type="submit" loading={recording.isPending} disabled={message.trim() === ""}>
            Record
          </Button>
        </Needs>
      </Group>
    </form>
  );
}
