/** One setting of a running job: text when it is read-only, a field with unit and range when it can be changed. */

import { ActionIcon, NativeSelect, Switch, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";
import type { PublishedSetting } from "@/api/types";
import { useTopic } from "@/live/hooks";
import * as topics from "@/live/topics";
import { plain, reading } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { change, type Value, type Where } from "./commands";
import css from "./control.module.css";
import { OutcomeLine } from "./OutcomeLine";
import type { Phase } from "./outcome";
import { type Command, useCommand } from "./useCommand";
import { checked, rangeOf } from "./validation";

interface Props {
  where: Where;
  setting: PublishedSetting;
  /** False while the job is off: no process would receive a change. */
  running: boolean;
  command?: (value: Value) => Command;
  /** Label above the field instead of beside it. */
  stacked?: boolean;
}

const written = (setting: PublishedSetting, value: string | undefined): string => {
  if (value === undefined) return "–";
  if (setting.type === "numeric" && Number.isFinite(Number(value))) return reading(Number(value));
  if (setting.type === "boolean") return value.toLowerCase() === "true" ? "on" : "off";
  return value;
};

export function SettingRow({ where, setting, running, command, stacked = false }: Props) {
  const single = where.units.length === 1;
  const value = useTopic(
    topics.setting(single ? (where.units[0] as string) : where.unit, where.experiment, where.job, setting.key),
  );
  const { outcome, send } = useCommand();
  const label = setting.label ?? setting.key;
  const editable = setting.editable !== false && running && setting.type !== "json";
  const submit = (next: Value): void => send(command ? command(next) : change(where, setting.key, next));

  return (
    <div className={`${css.setting} ${stacked ? css.stacked : ""}`}>
      <div className={css.settingLine}>
        <span className={css.settingLabel}>{label}</span>
        {setting.type === "boolean" && editable && single ? (
          <Switch
            aria-label={label}
            checked={value?.toLowerCase() === "true"}
            onChange={(event) => submit(event.currentTarget.checked)}
          />
        ) : editable && setting.options ? (
          <NativeSelect
            aria-label={label}
            size="sm"
            value={value ?? ""}
            data={value === undefined ? ["", ...setting.options] : setting.options}
            onChange={(event) => submit(event.currentTarget.value)}
          />
        ) : editable ? (
          <Field setting={setting} label={label} value={value} onSubmit={submit} phase={outcome.phase} />
        ) : (
          <span className={`num ${css.settingValue}`}>
            {written(setting, value)} {value !== undefined && <span className="soft">{setting.unit}</span>}
          </span>
        )}
      </div>
      {setting.description && <p className="soft small">{setting.description}</p>}
      <OutcomeLine outcome={outcome} />
    </div>
  );
}

interface FieldProps {
  setting: PublishedSetting;
  label: string;
  value: string | undefined;
  onSubmit: (value: Value) => void;
  phase: Phase;
}

function Field({ setting, label, value, onSubmit, phase }: FieldProps) {
  const [draft, setDraft] = useState<string>();
  const text =
    draft ??
    (value !== undefined && setting.type === "numeric" && Number.isFinite(Number(value))
      ? plain(Number(value))
      : (value ?? ""));
  const result = checked(setting, text);
  const changed = draft !== undefined && draft !== value;
  // What is being typed survives live values; only the unit's own confirmation replaces it.
  useEffect(() => {
    if (phase === "confirmed") setDraft(undefined);
  }, [phase]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (changed && result.ok) onSubmit(result.value);
  };
  return (
    <form className={css.field} onSubmit={submit}>
      <TextInput
        aria-label={label}
        size="sm"
        inputMode={setting.type === "numeric" ? "decimal" : "text"}
        value={text}
        error={changed && !result.ok ? result.reason : undefined}
        onChange={(event) => setDraft(event.currentTarget.value)}
        rightSection={setting.unit ? <span className="soft small">{setting.unit}</span> : undefined}
        rightSectionWidth={setting.unit ? 18 + 7 * setting.unit.length : undefined}
        rightSectionPointerEvents="none"
        description={rangeOf(setting)}
        inputWrapperOrder={["input", "error", "description"]}
      />
      <ActionIcon
        type="submit"
        size="lg"
        variant={changed && result.ok ? "filled" : "default"}
        disabled={!changed || !result.ok}
        loading={phase === "sent"}
        aria-label={`Set ${label}`}
      >
        <Icon name="check" />
      </ActionIcon>
    </form>
  );
}
