/** Makes or changes a channel; a secret is never shown again, and stays if it is left as it is. */

import { Checkbox, Group, Modal, NativeSelect, PasswordInput, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useAskAgain } from "@/api/alarms";
import { path, request } from "@/api/client";
import { useWorkers } from "@/api/queries";
import type { AlarmChannel, AlarmChannels, ChannelField } from "@/api/types";
import { FormFooter } from "@/parts/FormFooter";
import css from "./alarms.module.css";
import { SEVERITIES } from "./rules";

type Kinds = AlarmChannels["kinds"];

interface Props {
  edited: AlarmChannel | "new" | undefined;
  kinds: Kinds;
  onClose: () => void;
}

const TITLES: Record<string, string> = {
  email: "E-mail",
  webhook: "Webhook of your own",
  slack: "Slack",
  teams: "Microsoft Teams",
  discord: "Discord",
  ntfy: "ntfy (phone)",
  telegram: "Telegram",
  mqtt: "MQTT",
  apprise: "Another service, by apprise",
};
type Severity = AlarmChannel["lowest"];
type Told = Pick<AlarmChannel, "lowest" | "units" | "enabled" | "only_escalated" | "tells_clearing" | "watches_leader">;

const TOLD: Told = {
  lowest: "high",
  units: [],
  enabled: true,
  only_escalated: false,
  tells_clearing: true,
  watches_leader: true,
};
const SWITCHES = [
  ["only_escalated", "Only alarms that no one acknowledged in time"],
  ["tells_clearing", "The end of an alarm as well"],
  ["watches_leader", "A dead leader, which workers report"],
  ["enabled", "On"],
] as const;

export function ChannelDialog({ edited, kinds, onClose }: Props) {
  const title = edited === "new" ? "Add channel" : `Change ${edited?.name ?? ""}`;
  return (
    <Modal opened={edited !== undefined} onClose={onClose} title={title} closeOnClickOutside={false}>
      {edited && <Form before={edited === "new" ? undefined : edited} kinds={kinds} onClose={onClose} />}
    </Modal>
  );
}

function Form({ before, kinds, onClose }: { before: AlarmChannel | undefined; kinds: Kinds; onClose: () => void }) {
  const askAgain = useAskAgain();
  const workers = useWorkers().data ?? [];
  const [name, setName] = useState(before?.name ?? "");
  const [kind, setKind] = useState<string>(before?.kind ?? "email");
  const [options, setOptions] = useState<Record<string, string>>(before?.options ?? {});
  const [told, setTold] = useState<Told>(before ?? TOLD);
  const [quiet, setQuiet] = useState(before?.quiet ?? { start: "", end: "", breaks_at: "critical" as const });
  const fields = kinds[kind] ?? [];
  const change = (changes: Partial<Told>): void => setTold((known) => ({ ...known, ...changes }));
  const sending = useMutation({
    mutationFn: () =>
      request("PUT", path("api", "alarms", "channels", name.trim()), {
        kind,
        options: Object.fromEntries(fields.map((field) => [field.name, options[field.name] ?? field.default])),
        ...Object.fromEntries(Object.keys(TOLD).map((key) => [key, told[key as keyof Told]])),
        quiet: quiet.start && quiet.end ? quiet : null,
      }),
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
      <TextInput
        label="Name"
        data-autofocus
        required
        withAsterisk={false}
        maxLength={40}
        disabled={before !== undefined}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <NativeSelect
        label="Kind"
        data={Object.keys(kinds).map((value) => ({ value, label: TITLES[value] ?? value }))}
        value={kind}
        onChange={(event) => setKind(event.currentTarget.value)}
      />
      {fields.map((field) => (
        <OptionInput
          key={field.name}
          field={field}
          value={options[field.name] ?? field.default}
          onChange={(value) => setOptions((known) => ({ ...known, [field.name]: value }))}
        />
      ))}
      <NativeSelect
        label="Told from severity"
        data={SEVERITIES}
        value={told.lowest}
        onChange={(event) => change({ lowest: event.currentTarget.value as Severity })}
      />
      <Group grow>
        <TextInput
          label="Quiet from"
          type="time"
          value={quiet.start}
          onChange={(event) => setQuiet({ ...quiet, start: event.currentTarget.value })}
        />
        <TextInput
          label="Quiet until"
          type="time"
          value={quiet.end}
          onChange={(event) => setQuiet({ ...quiet, end: event.currentTarget.value })}
        />
      </Group>
      <NativeSelect
        label="Told in quiet hours from severity"
        description="Others are told at the end of the quiet hours."
        data={SEVERITIES}
        value={quiet.breaks_at}
        onChange={(event) => setQuiet({ ...quiet, breaks_at: event.currentTarget.value as Severity })}
      />
      <Checkbox.Group
        label="Only alarms of these units"
        description="None chosen: of all units."
        value={told.units}
        onChange={(units) => change({ units })}
      >
        <Group mt="xs">
          {[...new Set([...workers.map((one) => one.pioreactor_unit), ...(told.units ?? [])])].map((unit) => (
            <Checkbox key={unit} value={unit} label={unit} />
          ))}
        </Group>
      </Checkbox.Group>
      {SWITCHES.map(([key, label]) => (
        <Checkbox
          key={key}
          label={label}
          checked={told[key]}
          onChange={(event) => change({ [key]: event.currentTarget.checked })}
        />
      ))}
      <FormFooter
        needs={["PUT", path("api", "alarms", "channels", name.trim() || "new")]}
        error={sending.error}
        send="Save"
        isSending={sending.isPending}
        isComplete={name.trim() !== ""}
        onCancel={onClose}
      />
    </form>
  );
}

interface OptionProps {
  field: ChannelField;
  value: string;
  onChange: (value: string) => void;
}

function OptionInput({ field, value, onChange }: OptionProps) {
  const label = field.is_required ? field.label : `${field.label} (optional)`;
  if (field.choices.length > 0)
    return (
      <NativeSelect
        label={label}
        data={field.choices}
        value={value || field.choices[0]}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  const shared = { label, description: field.help || undefined, value, maxLength: 4000 };
  if (field.name === "template")
    return <Textarea {...shared} autosize minRows={3} onChange={(event) => onChange(event.currentTarget.value)} />;
  return field.is_secret ? (
    <PasswordInput {...shared} autoComplete="off" onChange={(event) => onChange(event.currentTarget.value)} />
  ) : (
    <TextInput {...shared} onChange={(event) => onChange(event.currentTarget.value)} />
  );
}
