/** Makes or changes a channel; a secret is never shown again, and stays if it is left as it is. */

import { Checkbox, Group, Modal, NativeSelect, PasswordInput, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useAskAgain } from "@/api/alarms";
import { path, request } from "@/api/client";
import type { AlarmChannel, AlarmChannels, ChannelField } from "@/api/types";
import { FormFooter } from "@/parts/FormFooter";
import css from "./alarms.module.css";

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
const SEVERITIES = ["low", "medium", "high", "critical"];

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
  const [name, setName] = useState(before?.name ?? "");
  const [kind, setKind] = useState<string>(before?.kind ?? "email");
  const [options, setOptions] = useState<Record<string, string>>(before?.options ?? {});
  const [lowest, setLowest] = useState<string>(before?.lowest ?? "high");
  const [enabled, setEnabled] = useState(before?.enabled ?? true);
  const [onlyEscalated, setOnlyEscalated] = useState(before?.only_escalated ?? false);
  const [quietStart, setQuietStart] = useState(before?.quiet?.start ?? "");
  const [quietEnd, setQuietEnd] = useState(before?.quiet?.end ?? "");
  const fields = kinds[kind] ?? [];
  const sending = useMutation({
    mutationFn: () =>
      request("PUT", path("api", "alarms", "channels", name.trim()), {
        kind,
        options: Object.fromEntries(fields.map((field) => [field.name, options[field.name] ?? field.default])),
        lowest,
        enabled,
        only_escalated: onlyEscalated,
        quiet: quietStart && quietEnd ? { ...before?.quiet, start: quietStart, end: quietEnd } : null,
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
        value={lowest}
        onChange={(event) => setLowest(event.currentTarget.value)}
      />
      <Group grow>
        <TextInput
          label="Quiet from"
          type="time"
          value={quietStart}
          onChange={(event) => setQuietStart(event.currentTarget.value)}
        />
        <TextInput
          label="Quiet until"
          type="time"
          value={quietEnd}
          onChange={(event) => setQuietEnd(event.currentTarget.value)}
        />
      </Group>
      <p className="soft small">In quiet hours only critical alarms are told; others are told at their end.</p>
      <Checkbox
        label="Only alarms that no one acknowledged in time"
        checked={onlyEscalated}
        onChange={(event) => setOnlyEscalated(event.currentTarget.checked)}
      />
      <Checkbox label="On" checked={enabled} onChange={(event) => setEnabled(event.currentTarget.checked)} />
      <FormFooter
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
  return field.is_secret ? (
    <PasswordInput {...shared} autoComplete="off" onChange={(event) => onChange(event.currentTarget.value)} />
  ) : (
    <TextInput {...shared} onChange={(event) => onChange(event.currentTarget.value)} />
  );
}
