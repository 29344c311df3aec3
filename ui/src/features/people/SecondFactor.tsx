/** Switches one's own second factor on and off: an authenticator app shows a code for each sign-in. */

import { Button, Group, Modal, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { get, request } from "@/api/client";
import type { NewSecondFactor, SecondFactorState } from "@/api/types";
import { FormFooter } from "@/parts/FormFooter";
import { Problem, Waiting } from "@/parts/Problem";
import css from "./people.module.css";
import { outlineOf } from "./qrCode";

interface Props {
  opened: boolean;
  onClose: () => void;
}

export function SecondFactor({ opened, onClose }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Second factor" closeOnClickOutside={false}>
      {opened && <Content onClose={onClose} />}
    </Modal>
  );
}

function Content({ onClose }: { onClose: () => void }) {
  const [wasOn, setWasOn] = useState<boolean>();
  const state = useQuery({
    queryKey: ["second-factor"],
    queryFn: async ({ signal }) => {
      const found = await get<SecondFactorState>("/auth/second-factor", signal);
      // What was so when the dialog was opened decides on its steps until it is closed.
      setWasOn((before) => before ?? found.is_on);
      return found;
    },
  });
  if (state.error) return <Problem error={state.error} />;
  if (state.isPending || wasOn === undefined) return <Waiting what="your second factor" />;
  return wasOn ? <SwitchOff left={state.data.recovery_codes_left} onClose={onClose} /> : <SwitchOn onClose={onClose} />;
}

function SwitchOn({ onClose }: { onClose: () => void }) {
  const [password, setPassword] = useState("");
  const beginning = useMutation({
    mutationFn: () => request<NewSecondFactor>("POST", "/auth/second-factor", { password }),
  });
  if (beginning.data) return <Confirm made={beginning.data} onClose={onClose} />;
  return (
    <Form onSubmit={() => beginning.mutate()}>
      <p>Signing in then takes your password and a code that an authenticator app on your telephone shows.</p>
      <PasswordInput
        label="Your password"
        data-autofocus
        autoComplete="current-password"
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      <FormFooter
        needs={["POST", "/auth/second-factor"]}
        error={beginning.error}
        send="Continue"
        isSending={beginning.isPending}
        isComplete={password !== ""}
        onCancel={onClose}
      />
    </Form>
  );
}

function Confirm({ made, onClose }: { made: NewSecondFactor; onClose: () => void }) {
  const client = useQueryClient();
  const [code, setCode] = useState("");
  const confirming = useMutation({
    mutationFn: () => request<{ recovery_codes: string[] }>("POST", "/auth/second-factor/confirm", { code }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["people"] }),
  });
  if (confirming.data) return <RecoveryCodes codes={confirming.data.recovery_codes} onClose={onClose} />;
  const size = made.qr.length + 8;
  return (
    <Form onSubmit={() => confirming.mutate()}>
      <p>Scan this with the app, or type the key into it.</p>
      <svg className={css.qr} viewBox={`-4 -4 ${size} ${size}`} role="img" aria-label="QR code of the key">
        <path d={outlineOf(made.qr)} />
      </svg>
      <TextInput label="Key" readOnly value={made.secret} onFocus={(event) => event.currentTarget.select()} />
      <CodeInput value={code} onChange={setCode} />
      <FormFooter
        needs={["POST", "/auth/second-factor/confirm"]}
        error={confirming.error}
        send="Switch on"
        isSending={confirming.isPending}
        isComplete={code !== ""}
        onCancel={onClose}
      />
    </Form>
  );
}

function RecoveryCodes({ codes, onClose }: { codes: readonly string[]; onClose: () => void }) {
  return (
    <div className={css.form}>
      <p>
        The second factor is on. Keep these codes: each signs you in once when the app is lost. They are not shown
        again.
      </p>
      <pre className={css.codes}>{codes.join("\n")}</pre>
      <Group justify="flex-end">
        <Button onClick={onClose}>Done</Button>
      </Group>
    </div>
  );
}

function SwitchOff({ left, onClose }: { left: number; onClose: () => void }) {
  const client = useQueryClient();
  const [code, setCode] = useState("");
  const removing = useMutation({
    mutationFn: () => request("POST", "/auth/second-factor/remove", { code }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["people"] });
      onClose();
    },
  });
  return (
    <Form onSubmit={() => removing.mutate()}>
      <p>The second factor is on; {left} recovery codes are left. For new ones, switch it off and on again.</p>
      <CodeInput value={code} onChange={setCode} />
      <FormFooter
        needs={["POST", "/auth/second-factor/remove"]}
        error={removing.error}
        send="Switch off"
        isSending={removing.isPending}
        isComplete={code !== ""}
        onCancel={onClose}
      />
    </Form>
  );
}

function CodeInput({ value, onChange }: { value: string; onChange: (code: string) => void }) {
  return (
    <TextInput
      label="Code"
      description="Six digits that the app shows now"
      autoComplete="one-time-code"
      maxLength={40}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

function Form({ onSubmit, children }: { onSubmit: () => void; children: ReactNode }) {
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      {children}
    </form>
  );
}
