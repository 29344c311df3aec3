/** What a step asks for, checked as it is typed, and the buttons that continue. */

import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { rangeOf } from "@/control/validation";
import { Needs } from "@/parts/Needs";
import css from "./calibrations.module.css";
import { actionsOf, buttonOf } from "./metadata";
import { check, type Entered, type Field, initial, type Step } from "./session";
import { sessionPath } from "./useSession";

const GO_ON: Record<string, string> = { info: "Next", confirm: "Done, next", form: "Next", action: "Start" };

interface Props {
  step: Step;
  unit: string;
  pending: boolean;
  /** Another person drives the session: it is only shown. */
  blocked: boolean;
  /** What is known already, by field; shown until a person types. */
  known?: Record<string, string>;
  onMove: (inputs: Record<string, unknown>) => void;
}

export function StepForm({ step, unit, pending, blocked, known = {}, onMove }: Props) {
  const fields: Field[] = step.fields ?? [];
  const [entered, setEntered] = useState<Record<string, Entered>>({});
  const [asked, setAsked] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>("input, select")?.focus(), []);
  const results = fields.map((field) => {
    const value = entered[field.name] ?? known[field.name] ?? initial(field);
    return { field, value, result: check(field, value) };
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(true);
    if (blocked || pending || results.some(({ result }) => !result.ok)) return;
    const values = results.flatMap(({ field, result }) =>
      result.ok && result.value !== "" ? [[field.name, result.value]] : [],
    );
    onMove(fields.length > 0 ? Object.fromEntries(values) : { confirm: true });
  };
  return (
    <form ref={form} onSubmit={submit} className={css.stepForm} noValidate>
      {results.map(({ field, value, result }) => (
        <Asked
          key={field.name}
          field={field}
          value={value}
          problem={!result.ok && (asked || value !== initial(field)) ? result.reason : undefined}
          disabled={blocked || pending}
          onChange={(value) => setEntered((before) => ({ ...before, [field.name]: value }))}
        />
      ))}
      {step.step_type === "action" && !pending && <p className="soft">This moves hardware on {unit}.</p>}
      <div className={css.resume}>
        <Needs call={["POST", sessionPath(unit, "id", "inputs")]}>
          <Button type="submit" loading={pending} disabled={blocked}>
            {buttonOf(step) ?? GO_ON[step.step_type] ?? "Next"}
          </Button>
        </Needs>
        {actionsOf(step).map(({ label, inputs }) => (
          <Needs key={label} call={["POST", sessionPath(unit, "id", "inputs")]}>
            <Button variant="default" disabled={blocked || pending} onClick={() => onMove(inputs)}>
              {label}
            </Button>
          </Needs>
        ))}
      </div>
      {pending && (
        <p className="soft" role="status">
          {unit} is running this step. “Cancel calibration” stops it immediately.
        </p>
      )}
    </form>
  );
}

interface AskedProps {
  field: Field;
  value: Entered;
  problem: string | undefined;
  disabled: boolean;
  onChange: (value: Entered) => void;
}

function Asked({ field, value, problem, disabled, onChange }: AskedProps) {
  const numeric = field.field_type === "float" || field.field_type === "int" || field.field_type === "float_list";
  const range = numeric ? rangeOf({ min: field.minimum, max: field.maximum }) : undefined;
  const several = field.field_type === "float_list" ? "several, parted by commas" : undefined;
  const description =
    [field.help_text, [several, range].filter(Boolean).join("; ")].filter(Boolean).join(" ") || undefined;
  if (typeof value === "boolean")
    return (
      <Checkbox
        label={field.label}
        description={description}
        checked={value}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    );
  if (field.field_type === "choice") {
    const options = field.options ?? [];
    return (
      <NativeSelect
        label={field.label}
        description={description}
        value={value}
        error={problem}
        disabled={disabled}
        data={options.includes(value) ? options : [{ value: "", label: "Choose…" }, ...options]}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  return (
    <TextInput
      label={field.label}
      description={description}
      value={value}
      error={problem}
      disabled={disabled}
      inputMode={numeric ? "decimal" : "text"}
      autoComplete="off"
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
