/** One setting of a running job: text when it is read-only, a field with unit and range when it can be changed. */

import { ActionIcon, NativeSelect, Switch, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";
import type { Call } from "@/api/rights";
import type { PublishedSetting } from "@/api/types";
import { useTopics, valueText } from "@/live/hooks";
import * as topics from "@/live/topics";
import { plain } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs, useRefusal } from "@/parts/Needs";
import { change, changing, type Value, type Where } from "./commands";
import css from "./control.module.css";
import { OutcomeLine } from "./OutcomeLine";
import type { Phase } from "./outcome";
import { inForce, keyInWords, publishedValue } from "./publishedValue";
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

export function SettingRow({ where, setting, running, command, stacked = false }: Props) {
  const payloads = useTopics(where.units.map((unit) => topics.setting(unit, where.experiment, where.job, setting.key)));
  const values = payloads.map((payload) => (payload === undefined ? undefined : valueText(payload)));
  const { common, words } = inForce(setting, values);
  const { outcome, send } = useCommand();
  const label = setting.label ?? keyInWords(setting.key);
  const editable = setting.editable !== false && running && setting.type !== "json";
  const submit = (next: Value): void => send(command ? command(next) : change(where, setting.key, next));

  return (
    <div className={`${css.setting} ${stacked ? css.stacked : ""}`}>
      <div className={css.settingLine}>
        <span className={css.settingLabel}>{label}</span>
        {editable ? (
          <Edit
            setting={setting}
            call={changing(where)}
            label={label}
            payload={common}
            words={words}
            onSubmit={submit}
            phase={outcome.phase}
          />
        ) : (
          <span className={`num ${css.settingValue}`}>{words ?? "–"}</span>
        )}
      </div>
      {editable && common === undefined && words !== undefined && (
        <p className="soft small">The units differ: {words}.</p>
      )}
      {setting.description && <p className="soft small">{setting.description}</p>}
      <OutcomeLine outcome={outcome} />
    </div>
  );
}

interface EditProps {
  setting: PublishedSetting;
  call: Call;
  label: string;
  /** What is in force; undefined when units differ or nothing is published. */
  payload: string | undefined;
  words: string | undefined;
  onSubmit: (value: Value) => void;
  phase: Phase;
}

function Edit(props: EditProps) {
  const { setting, call, label, payload, onSubmit } = props;
  if (setting.type === "boolean" && payload !== undefined) {
    return (
      <Needs call={call}>
        <Switch
          aria-label={label}
          checked={payload.toLowerCase() === "true"}
          onChange={(event) => onSubmit(event.currentTarget.checked)}
        />
      </Needs>
    );
  }
  const options = setting.type === "boolean" ? ["on", "off"] : setting.options;
  if (!options) return <Field {...props} />;
  return (
    <Needs call={call}>
      <NativeSelect
        aria-label={label}
        size="sm"
        value={payload ?? ""}
        data={payload === undefined ? ["", ...options] : options}
        onChange={({ currentTarget: { value } }) => onSubmit(setting.type === "boolean" ? value === "on" : value)}
      />
    </Needs>
  );
}

/** The number or text in force, as a person would type it. */
function typed(setting: PublishedSetting, payload: string | undefined): string {
  if (payload === undefined) return "";
  const number = setting.type === "numeric" ? Number(payload) : NaN;
  if (Number.isFinite(number)) return plain(number);
  return publishedValue(setting, payload)?.text ?? "";
}

function Field({ setting, call, label, payload, words, onSubmit, phase }: EditProps) {
  const refusal = useRefusal(call);
  const [draft, setDraft] = useState<string>();
  const current = typed(setting, payload);
  const text = draft ?? current;
  const result = checked(setting, text);
  const changed = draft !== undefined && draft !== current;
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
        readOnly={refusal !== undefined}
        value={text}
        placeholder={words}
        error={changed && !result.ok ? result.reason : undefined}
        onChange={(event) => setDraft(event.currentTarget.value)}
        rightSection={setting.unit ? <span className="soft small">{setting.unit}</span> : undefined}
        rightSectionWidth={setting.unit ? 18 + 7 * setting.unit.length : undefined}
        rightSectionPointerEvents="none"
        description={<Below range={rangeOf(setting)} inForce={changed ? words : undefined} />}
        inputWrapperOrder={["input", "error", "description"]}
      />
      <Needs call={call}>
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
      </Needs>
    </form>
  );
}

/** Below a field: its range, and the value in force while another one is typed. */
function Below({ range, inForce }: { range: string | undefined; inForce: string | undefined }) {
  return <>{[range, inForce && `in force: ${inForce}`].filter(Boolean).join("; ")}</>;
}
