/** Changes the severity, the times and the limits of a rule. */

import { Button, Group, Modal, NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useAskAgain } from "@/api/alarms";
import { path, request } from "@/api/client";
import type { RuleInForce } from "@/api/types";
import { FormFooter } from "@/parts/FormFooter";
import { Needs } from "@/parts/Needs";
import css from "./alarms.module.css";
import { numbersOf, SEVERITIES, TIMES } from "./rules";

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
      <TextInput
        label="What a person should do (optional)"
        maxLength={500}
        value={String(changes.remedy ?? one.rule.remedy)}
        onChange={(event) => change("remedy", event.currentTarget.value)}
      />
      {(one.is_changed || one.declared === null) && (
        <Group>
          <Needs call={["DELETE", where]}>
            <Button variant="default" loading={resetting.isPending} onClick={() => resetting.mutate()}>
              {one.declared === null ? "Delete rule" : "Return to what is declared"}
            </Button>
          </Needs>
        </Group>
      )}
      <FormFooter
        needs={["PATCH", where]}
        error={sending.error ?? resetting.error}
        send="Save"
        isSending={sending.isPending}
        isComplete={Object.keys(changes).length > 0}
        onCancel={onClose}
      />
    </form>
  );
}
