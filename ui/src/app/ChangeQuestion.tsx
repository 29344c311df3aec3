/** Asks for the reason or the signature without which the leader does not make a change. */

import { Button, Group, Modal, PasswordInput, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { type Headers, onQuestion, type Question, request } from "@/api/client";
import type { NewSignature } from "@/api/types";
import { Problem } from "@/parts/Problem";
import css from "./app.module.css";
import { asksForCode, usePerson } from "./session";

type Answer = (headers: Headers | undefined) => void;

export function ChangeQuestion() {
  const [asked, setAsked] = useState<{ question: Question; answer: Answer }>();
  useEffect(() => {
    onQuestion((question) => new Promise((resolve) => setAsked({ question, answer: resolve })));
    return () => onQuestion(async () => undefined);
  }, []);
  const answer: Answer = (headers) => {
    setAsked(undefined);
    asked?.answer(headers);
  };
  const isReason = asked?.question.code === "reason_required";
  return (
    <Modal
      opened={asked !== undefined}
      onClose={() => answer(undefined)}
      title={isReason ? "Reason for this change" : "Sign this change"}
      closeOnClickOutside={false}
      zIndex={400}
    >
      {asked && (isReason ? <Reason answer={answer} /> : <Sign question={asked.question} answer={answer} />)}
    </Modal>
  );
}

function Reason({ answer }: { answer: Answer }) {
  const [reason, setReason] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    event.stopPropagation();
    answer({ "X-Pioreactor-Reason": encodeURIComponent(reason.trim()) });
  };
  return (
    <form onSubmit={submit} className={css.question}>
      <Textarea
        label="Why"
        description="Kept with the change in the audit trail."
        data-autofocus
        rows={2}
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <Buttons send="Change" isComplete={reason.trim() !== ""} isSending={false} onCancel={() => answer(undefined)} />
    </form>
  );
}

function Sign({ question: { method, path }, answer }: { question: Question; answer: Answer }) {
  const username = usePerson().data?.username ?? "";
  const [meaning, setMeaning] = useState("I am responsible for this change");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const signing = useMutation({
    mutationFn: () =>
      request<NewSignature>("POST", "/auth/signatures", {
        ...{ method, path, password, meaning: meaning.trim() },
        code: code.trim() === "" ? null : code.trim(),
      }),
    onSuccess: ({ id }) => answer({ "X-Pioreactor-Signature": id }),
  });
  const takesCode = asksForCode(signing.error) || code !== "";
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    event.stopPropagation();
    signing.mutate();
  };
  return (
    <form onSubmit={submit} className={css.question}>
      <p>
        Signed as <b>{username}</b>. Kept with the change in the audit trail.
      </p>
      <TextInput
        label="Meaning"
        maxLength={200}
        value={meaning}
        onChange={(event) => setMeaning(event.currentTarget.value)}
      />
      <PasswordInput
        label="Your password"
        autoComplete="current-password"
        data-autofocus
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      {takesCode && (
        <TextInput
          label="Code"
          description="Six digits of your authenticator app, or a recovery code"
          autoComplete="one-time-code"
          maxLength={40}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
      )}
      {signing.error && !(asksForCode(signing.error) && code === "") && <Problem error={signing.error} />}
      <Buttons
        send="Sign"
        isComplete={password !== "" && meaning.trim() !== ""}
        isSending={signing.isPending}
        onCancel={() => answer(undefined)}
      />
    </form>
  );
}

interface ButtonsProps {
  send: string;
  isComplete: boolean;
  isSending: boolean;
  onCancel: () => void;
}

function Buttons({ send, isComplete, isSending, onCancel }: ButtonsProps) {
  return (
    <Group justify="flex-end">
      <Button variant="default" onClick={onCancel}>
        Cancel
      </Button>
      <Button type="submit" loading={isSending} disabled={!isComplete}>
        {send}
      </Button>
    </Group>
  );
}
