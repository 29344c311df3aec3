/** Makes a link with which a person chooses a name and a password, and shows it, once. */

import { Button, Group, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { request } from "@/api/client";
import type { NewInvitation } from "@/api/types";
import { copyFrom } from "@/parts/copyFrom";
import { FormFooter } from "@/parts/FormFooter";
import { moment, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import css from "./people.module.css";
import { AS_VIEWER, type ChosenRights, RightsFields } from "./RightsFields";

const LIFETIMES = [
  { value: "1", label: "1 hour" },
  { value: "24", label: "1 day" },
  { value: "72", label: "3 days" },
  { value: "168", label: "1 week" },
];

interface Props {
  opened: boolean;
  onClose: () => void;
}

export function InvitePerson({ opened, onClose }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Invite person" closeOnClickOutside={false}>
      {opened && <Steps onClose={onClose} />}
    </Modal>
  );
}

function Steps({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [note, setNote] = useState("");
  const [hours, setHours] = useState("72");
  const [rights, setRights] = useState<ChosenRights>(AS_VIEWER);
  const inviting = useMutation({
    mutationFn: () => request<NewInvitation>("POST", "/auth/invitations", { note, hours: Number(hours), ...rights }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["invitations"] }),
  });
  if (inviting.data) return <Made invitation={inviting.data} onClose={onClose} />;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    inviting.mutate();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      <TextInput
        label="Who it is for"
        description="Only a note; the person chooses the name to sign in with."
        data-autofocus
        autoComplete="off"
        maxLength={64}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      <NativeSelect
        label="Valid for"
        value={hours}
        data={LIFETIMES}
        onChange={(event) => setHours(event.currentTarget.value)}
      />
      <RightsFields value={rights} onChange={setRights} />
      <FormFooter
        needs={["POST", "/auth/invitations"]}
        error={inviting.error}
        send="Make link"
        isSending={inviting.isPending}
        isComplete={true}
        onCancel={onClose}
      />
    </form>
  );
}

function Made({ invitation, onClose }: { invitation: NewInvitation; onClose: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState<boolean>();
  const copy = async (): Promise<void> => {
    if (field.current) setCopied(await copyFrom(field.current));
  };
  return (
    <div className={css.form}>
      <p>
        Send this link to the person. It can be used once, until {moment(secondsOf(invitation.expires_at))}, and is not
        shown again.
      </p>
      <TextInput
        ref={field}
        label="Link"
        readOnly
        value={`${location.origin}${invitation.link}`}
        onFocus={(event) => event.currentTarget.select()}
      />
      <p role="status" className="small">
        {copied === true && "Copied."}
        {copied === false && "This browser does not copy: select the link and copy it yourself."}
      </p>
      <Group justify="flex-end">
        <Button
          variant="default"
          data-autofocus
          leftSection={<Icon name={copied ? "check" : "copy"} size={16} />}
          onClick={() => void copy()}
        >
          Copy link
        </Button>
        <Button onClick={onClose}>Done</Button>
      </Group>
    </div>
  );
}
