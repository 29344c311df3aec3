/** Makes a rule: what it is about, when it holds, and how severe that is. */

import { Modal, NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useAlarmConditions, useAskAgain } from "@/api/alarms";
import { path, request } from "@/api/client";
import type { AlarmConditions, ConditionKind } from "@/api/types";
import { FormFooter } from "@/parts/FormFooter";
import { Problem, Waiting } from "@/parts/Problem";
import css from "./alarms.module.css";
import { conditionOf, KIND_TITLES, labelOf, nameFor, SEVERITIES, TIMES } from "./rules";

interface Props {
  opened: boolean;
  taken: readonly string[];
  onClose: () => void;
}

export function NewRuleDialog({ opened, taken, onClose }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add rule" closeOnClickOutside={false}>
      {opened && <Loaded taken={taken} onClose={onClose} />}
    </Modal>
  );
}

function Loaded({ taken, onClose }: Omit<Props, "opened">) {
  const conditions = useAlarmConditions();
  if (conditions.error) return <Problem error={conditions.error} />;
  if (conditions.isPending) return <Waiting what="conditions" />;
  return <Form known={conditions.data} taken={taken} onClose={onClose} />;
}

function Form({ known, taken, onClose }: { known: AlarmConditions } & Omit<Props, "opened">) {
  const askAgain = useAskAgain();
  const [title, setTitle] = useState("");
  const [type, setType] = useState(known.kinds[0]?.type ?? "");
  const [given, setGiven] = useState<Record<string, unknown>>({});
  const [rest, setRest] = useState<Record<string, unknown>>({ severity: "high" });
  const kind = known.kinds.find((one) => one.type === type);
  const name = nameFor(title, taken);
  const sending = useMutation({
    mutationFn: (chosen: ConditionKind) =>
      request("PATCH", path("api", "alarms", "rules", name), {
        title: title.trim(),
        ...rest,
        condition: conditionOf(chosen, given),
      }),
    onSuccess: async () => {
      await askAgain();
      onClose();
    },
  });
  if (!kind) return null;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    sending.mutate(kind);
  };
  const isGiven = kind.fields.every(({ name: field, is_required }) => !is_required || given[field]);
  return (
    <form onSubmit={submit} className={css.form}>
      <TextInput
        label="Title"
        description={name === "" ? "What a person reads first, such as: Culture is too warm" : `Name: ${name}`}
        data-autofocus
        required
        withAsterisk={false}
        maxLength={100}
        value={title}
        onChange={(event) => setTitle(event.currentTarget.value)}
      />
      <NativeSelect
        label="Raised when"
        description={kind.help.replaceAll("`", "")}
        data={known.kinds.map((one) => ({ value: one.type, label: KIND_TITLES[one.type] ?? one.type }))}
        value={type}
        onChange={(event) => {
          setType(event.currentTarget.value);
          setGiven({});
        }}
      />
      <ConditionInputs kind={kind} numbers={known.numbers} given={given} onChange={setGiven} />
      <NativeSelect
        label="Severity"
        data={SEVERITIES}
        value={String(rest.severity)}
        onChange={(event) => setRest({ ...rest, severity: event.currentTarget.value })}
      />
      {TIMES.map(({ key, label }) => (
        <NumberInput
          key={key}
          label={label}
          min={0}
          value={(rest[key] ?? (key === "off_delay_s" ? 5 : 0)) as number | string}
          onChange={(value) => setRest({ ...rest, [key]: Number(value) })}
        />
      ))}
      <TextInput
        label="What a person should do (optional)"
        maxLength={500}
        value={String(rest.remedy ?? "")}
        onChange={(event) => setRest({ ...rest, remedy: event.currentTarget.value })}
      />
      <FormFooter
        needs={["PATCH", path("api", "alarms", "rules", name || "new")]}
        error={sending.error}
        send="Add rule"
        isSending={sending.isPending}
        isComplete={name !== "" && isGiven}
        onCancel={onClose}
      />
    </form>
  );
}

interface ConditionProps {
  kind: ConditionKind;
  numbers: AlarmConditions["numbers"];
  given: Record<string, unknown>;
  onChange: (given: Record<string, unknown>) => void;
}

const OF_QUANTITY = new Set(["topic", "field", "unit"]);
const OTHER = "another";

function ConditionInputs({ kind, numbers, given, onChange }: ConditionProps) {
  const [isOther, setIsOther] = useState(false);
  const hasTopic = kind.fields.some(({ name }) => name === "topic");
  const names = new Set(kind.fields.map(({ name }) => name));
  const chosen = numbers.findIndex(({ topic, field }) => topic === given.topic && field === (given.field ?? ""));
  const choose = (value: string): void => {
    const number = numbers[Number(value)];
    setIsOther(value === OTHER);
    const kept = Object.entries(given).filter(([key]) => !OF_QUANTITY.has(key));
    const quantity = Object.entries(number ?? {}).filter(([key]) => OF_QUANTITY.has(key) && names.has(key));
    onChange(Object.fromEntries([...kept, ...quantity]));
  };
  const shown = kind.fields.filter(({ name }) => isOther || !hasTopic || !OF_QUANTITY.has(name));
  return (
    <>
      {hasTopic && (
        <NativeSelect
          label="Measurement"
          data={[
            { value: "", label: "Choose a measurement", disabled: true },
            ...numbers.map(({ topic, label, unit }, index) => ({
              value: String(index),
              label: `${label}${unit === "" ? "" : ` [${unit}]`}: ${topic}`,
            })),
            { value: OTHER, label: "Another topic" },
          ]}
          value={isOther ? OTHER : chosen < 0 ? "" : String(chosen)}
          onChange={(event) => choose(event.currentTarget.value)}
        />
      )}
      {shown.map(({ name, kind: type, is_required, default: usual }) => {
        const label = labelOf(name, String(given.unit ?? ""));
        const set = (value: unknown): void => onChange({ ...given, [name]: value });
        return type === "number" ? (
          <NumberInput
            key={name}
            label={label}
            value={(given[name] ?? (usual as number | null) ?? "") as number | string}
            onChange={set}
          />
        ) : (
          <TextInput
            key={name}
            label={is_required ? label : `${label} (optional)`}
            description={type === "texts" ? "Separated by commas." : undefined}
            maxLength={200}
            value={String(given[name] ?? (type === "texts" ? (usual as string[]).join(", ") : ""))}
            onChange={(event) => set(event.currentTarget.value)}
          />
        );
      })}
    </>
  );
}
