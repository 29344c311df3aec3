/** Gives a unit, or all of them, a calibration that was written elsewhere. */

import { Button, Checkbox, Group, Modal, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ask, path } from "@/api/client";
import { useWorkers } from "@/api/queries";
import type { UnitAnswer } from "@/api/types";
import { EVERYONE } from "@/live/topics";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./calibrations.module.css";
import { Doubts } from "./Fit";
import { judgmentIn } from "./judgment";

interface Props {
  opened: boolean;
  onClose: () => void;
  onAdded: () => Promise<void>;
}

export function AddCalibration(props: Props) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title="Add a calibration from a file" size={520}>
      {props.opened && <Form {...props} />}
    </Modal>
  );
}

const DEVICES = ["media_pump", "alt_media_pump", "waste_pump", "stirring", "od45", "od90", "od135"];

/** Why units did not put it in use, each with its name. */
export function doubtsIn(answer: unknown): string[] {
  const units = Object.entries((answer ?? {}) as Record<string, Partial<UnitAnswer> | null>);
  return units.flatMap(([unit, one]) => {
    const value = (one?.value ?? {}) as { active?: boolean; judgment?: unknown };
    return value.active === false ? (judgmentIn(value.judgment)?.doubts ?? []).map((why) => `${unit}: ${why}`) : [];
  });
}

function Form({ onClose, onAdded }: Props) {
  const workers = useWorkers().data ?? [];
  const [unit, setUnit] = useState(EVERYONE);
  const [device, setDevice] = useState("media_pump");
  const [text, setText] = useState("");
  const [use, setUse] = useState(true);
  const [doubts, setDoubts] = useState<string[]>([]);
  const adding = useMutation({
    mutationFn: () =>
      ask("POST", path("api", "workers", unit, "calibrations", device.trim()), {
        calibration_data: text,
        set_as_active: use,
      }),
    onSuccess: async (answer) => {
      await onAdded();
      const found = doubtsIn(answer);
      if (use && found.length > 0) setDoubts(found);
      else onClose();
    },
  });
  if (doubts.length > 0)
    return (
      <>
        <p>It is saved, and not in use. To use it all the same, press Use in the list.</p>
        <Doubts doubts={doubts} />
        <Group justify="flex-end" mt="md">
          <Button onClick={onClose}>Close</Button>
        </Group>
      </>
    );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    adding.mutate();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      <NativeSelect
        label="For"
        value={unit}
        data={[{ value: EVERYONE, label: "All units" }, ...workers.map((one) => one.pioreactor_unit)]}
        onChange={(event) => setUnit(event.currentTarget.value)}
      />
      <TextInput
        label="Device"
        list="devices"
        value={device}
        onChange={(event) => setDevice(event.currentTarget.value)}
      />
      <datalist id="devices">
        {DEVICES.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <div>
        <label htmlFor="calibration-file">YAML file</label>
        <input
          id="calibration-file"
          type="file"
          accept=".yaml,.yml"
          className={css.file}
          onChange={(event) => void event.currentTarget.files?.[0]?.text().then(setText)}
        />
      </div>
      <Textarea
        label="or its text"
        autosize
        minRows={4}
        maxRows={12}
        value={text}
        styles={{ input: { fontFamily: "var(--mono)" } }}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <Checkbox label="Use it from now on" checked={use} onChange={(event) => setUse(event.currentTarget.checked)} />
      {adding.error && <Problem error={adding.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Needs call={["POST", path("api", "workers", unit, "calibrations", device.trim() || "od")]}>
          <Button type="submit" disabled={text.trim() === "" || device.trim() === ""} loading={adding.isPending}>
            Add calibration
          </Button>
        </Needs>
      </Group>
    </form>
  );
}
