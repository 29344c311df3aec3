/** Changes the severity, the times and the limits of a rule. */

import { Button, Group, Modal, NativeSelect, NumberInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useAskAgain } from "@/api/alarms";
import { path, request } from "@/api/client";
import type { RuleInForce } from "@/api/types";
import { FormFooter } from "@/parts/FormFooter";
import css from "./alarms.module.css";
import { numbersOf } from "./rules";

const SEVERITIES = ["low", "medium", "high", "critical"];
const TIMES = [
  { key: "delay_s", label: "Raised after [s]" },
  { key: "off_delay_s", label: "Cleared after [s]" },
  { key: "escalate_after_s", label: "Escalated without an acknowledgment after [s]; 0: never" },
] as const;

interface Props {
  rule: RuleInForce | undefined;
  onClose: () => void;
}

export function RuleDialog({ rule, onClose }: Props) {
  return (
    <Modal opened={rule !== undefined} onClose={onClose} title={rule?.rule.title}>
      {rule && <Form one={rule} onClose={onClose} />}
    </Modal>
  );
}

function Form({ one, onClose }: { one: RuleInForce; onClose: () => void }) {
  const askAgain = useAskAgain();
  const [changes, setChanges] = useState<Record<string, unknown>>({});
  const where = path("api", "alarms", "rules", one.rule.name);
  const done = async (): Promise<void> => {
    await askAgain();
    onClose();
  };
  const sending = useMutation({ mutationFn: () => request("PATCH", where, changes), onSuccess: done });
  const resetting = useMutation({ mutationFn: () => request("DELETE", where), onSuccess: done });
  const change = (key: string, value: unknown): void => setChanges((before) => ({ ...before, [key]: value }));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    sending.mutate();
  };
  const times = TIMES.map(({ key, label }) => ({ key, label, value: one.rule[key] as number | null }));
  return (
    <form onSubmit={submit} className={css.form}>
      <NativeSelect
        label="Severity"
        data-autofocus
        data={SEVERITIES}
        value={String(changes.severity ?? one.rule.severity)}
        onChange={(event) => change("severity", event.currentTarget.value)}
      />
      {[...numbersOf(one), ...times].map(({ key, label, value }) => (
        <NumberInput
          key={key}
          label={label}
          value={(changes[key] ?? value ?? "") as number | string}
          onChange={(given) => change(key, given === "" ? null : given)}
        />
      ))}
      {(one.is_changed || one.declared === null) && (
        <Group>
          <Button variant="default" loading={resetting.isPending} onClick={() => resetting.mutate()}>
            {one.declared === null ? "Delete rule" : "Return to what is declared"}
          </Button>
        </Group>
      )}
      <FormFooter
        error={sending.error ?? resetting.error}
        send="Save"
        isSending={sending.isPending}
        isComplete={Object.keys(changes).length > 0}
        onCancel={onClose}
      />
    </form>
  );
}
