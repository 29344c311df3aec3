/** Writes a profile; the leader checks it before it is kept, and says what is wrong where. */

import { Button, Group, Modal, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { path, request } from "@/api/client";
import { Problem, Waiting } from "@/parts/Problem";
import { NEW_PROFILE, PROFILES, wrongFile, type ProfileRow } from "./api";
import { useText } from "./ProfileView";
import css from "./profiles.module.css";

interface Props {
  opened: boolean;
  mode: "new" | "copy" | "edit";
  row: ProfileRow | undefined;
  taken: readonly string[];
  onClose: () => void;
  onSaved: (file: string) => void;
}

const TITLES = { new: "New profile", copy: "Copy of", edit: "Edit" };

export function ProfileEditor(props: Props) {
  const { opened, mode, row, onClose } = props;
  const text = useText(opened && mode !== "new" ? row?.file : undefined);
  return (
    <Modal opened={opened} onClose={onClose} title={`${TITLES[mode]} ${row?.file ?? ""}`} size={760}>
      {!opened ? null : mode === "new" ? <Form {...props} start={NEW_PROFILE} /> : text.data === undefined ? <Waiting what="the profile" /> : <Form key={row?.file} {...props} start={text.data} />}
    </Modal>
  );
}

function Form({ mode, row, taken, start, onClose, onSaved }: Props & { start: string }) {
  const client = useQueryClient();
  const [file, setFile] = useState(mode === "copy" ? `copy of ${row?.file ?? ""}` : mode === "new" ? "" : (row?.file ?? ""));
  const [body, setBody] = useState(start);
  const wrong = mode === "edit" ? undefined : wrongFile(file, taken);
  const saving = useMutation({
    mutationFn: () =>
      mode === "edit"
        ? request("PATCH", path("api", "experiment_profiles", file), { body })
        : request("POST", "/api/experiment_profiles", { filename: file.trim(), body }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: PROFILES });
      onSaved(file.trim());
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (wrong === undefined) saving.mutate();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      {mode !== "edit" && <TextInput label="File" placeholder="overnight.yaml" data-autofocus value={file} error={file !== "" ? wrong : undefined} onChange={(event) => setFile(event.currentTarget.value)} />}
      <Textarea label="Profile" autosize minRows={14} maxRows={26} spellCheck={false} value={body} styles={{ input: { fontFamily: "var(--mono)", fontSize: 13 } }} onChange={(event) => setBody(event.currentTarget.value)} />
      {saving.error && <Problem error={saving.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" disabled={wrong !== undefined} loading={saving.isPending}>
          Save
        </Button>
      </Group>
    </form>
  );
}
