/** Chooses an automation and fills in what it declares; the defaults are a good choice. */

import { Button, NativeSelect, Switch, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useAutomationsOf } from "@/api/queries";
import type { AutomationDescriptor, AutomationField, AutomationKind } from "@/api/types";
import { fixed } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem, Waiting } from "@/parts/Problem";
import { starting, type Value, type Where } from "./commands";
import css from "./control.module.css";
import { checked, rangeOf } from "./validation";

interface Props {
  kind: AutomationKind;
  /** What is started, and the units it will run on: their bounds hold. */
  where: Where;
  busy: boolean;
  /** Efflux level of the vial [mL], to say how fast a chemostat dilutes. */
  effluxMl: number | undefined;
  onStart: (options: Record<string, Value>) => void;
}

type Draft = Record<string, string>;

export const draftOf = (fields: readonly AutomationField[]): Draft =>
  Object.fromEntries(
    fields.map((field) => [
      field.key,
      field.default === null || field.default === undefined ? "" : String(field.default),
    ]),
  );

/** Return the options to start with, or undefined while a field is not right. */
export function optionsOf(automation: AutomationDescriptor, draft: Draft): Record<string, Value> | undefined {
  const options: Record<string, Value> = { automation_name: automation.automation_name };
  for (const field of automation.fields) {
    const result = checked({ ...field, type: field.type ?? "numeric" }, draft[field.key] ?? "");
    if (!result.ok) return undefined;
    if (result.value !== "") options[field.key] = field.type === "boolean" ? result.value === "true" : result.value;
  }
  return options;
}

/** Volumes exchanged per hour over the volume of the vial [1/h]. */
export function dilutionRate(
  options: Record<string, Value> | undefined,
  effluxMl: number | undefined,
): number | undefined {
  const minutes = options?.duration;
  const ml = options?.exchange_volume_ml;
  if (
    options?.automation_name !== "chemostat" ||
    typeof minutes !== "number" ||
    typeof ml !== "number" ||
    !effluxMl ||
    minutes <= 0
  )
    return undefined;
  return (ml * 60) / minutes / effluxMl;
}

export function StartAutomation({ kind, where, busy, effluxMl, onStart }: Props) {
  const { data, error } = useAutomationsOf(where.units, kind);
  const [chosen, choose] = useState<string>();
  const [edits, setEdits] = useState<Draft>({});
  if (!data && error) return <Problem error={error} />;
  if (!data) return <Waiting what="automations" />;
  const automation =
    data.find((one) => one.automation_name === chosen) ?? data.find(({ fields }) => fields.length > 0) ?? data[0];
  if (!automation) return <p className="soft">This cluster offers no {kind} automation.</p>;

  const draft = { ...draftOf(automation.fields), ...edits };
  const options = optionsOf(automation, draft);
  const rate = dilutionRate(options, effluxMl);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (options) onStart(options);
  };
  return (
    <form onSubmit={submit} className={css.start} aria-label={`Start ${kind} automation`}>
      <NativeSelect
        label="Automation"
        value={automation.automation_name}
        onChange={(event) => {
          choose(event.currentTarget.value);
          setEdits({});
        }}
        data={data.map((one) => ({ value: one.automation_name, label: one.display_name }))}
      />
      <p className="soft">{automation.description}</p>
      {automation.fields.map((field) => (
        <FieldInput
          key={field.key}
          field={field}
          text={draft[field.key] ?? ""}
          onChange={(text) => setEdits({ ...edits, [field.key]: text })}
        />
      ))}
      {rate !== undefined && <p className="num">Dilution rate: {fixed(rate, 3)} /h</p>}
      <Needs call={starting(where)}>
        <Button type="submit" disabled={!options} loading={busy} leftSection={<Icon name="on" size={16} />}>
          Start {automation.display_name}
        </Button>
      </Needs>
    </form>
  );
}

function FieldInput({
  field,
  text,
  onChange,
}: {
  field: AutomationField;
  text: string;
  onChange: (text: string) => void;
}) {
  const result = checked({ ...field, type: field.type ?? "numeric" }, text);
  if (field.type === "select") {
    return (
      <NativeSelect
        label={field.label}
        value={text}
        disabled={field.disabled ?? false}
        data={field.options ?? []}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  if (field.type === "boolean") {
    return (
      <Switch
        label={field.label}
        checked={text.toLowerCase() === "true"}
        disabled={field.disabled ?? false}
        onChange={(event) => onChange(String(event.currentTarget.checked))}
      />
    );
  }
  return (
    <TextInput
      label={field.label}
      description={[field.description, rangeOf(field)].filter(Boolean).join("; ")}
      value={text}
      disabled={field.disabled ?? false}
      inputMode={field.type === "string" ? "text" : "decimal"}
      error={text !== "" && !result.ok ? result.reason : undefined}
      rightSection={field.unit ? <span className="soft small">{field.unit}</span> : undefined}
      rightSectionWidth={field.unit ? 20 + 7 * field.unit.length : undefined}
      rightSectionPointerEvents="none"
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
