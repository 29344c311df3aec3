/** The descriptors and data files of a machine: sent to it or to all, and removed. */

import { Button, FileInput, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ask, get, path } from "@/api/client";
import type { SentFile } from "@/api/types";
import { EVERYONE } from "@/live/topics";
import { ConfirmFooter } from "@/parts/ConfirmFooter";
import { FormFooter } from "@/parts/FormFooter";
import { Needs } from "@/parts/Needs";
import { Problem, Waiting } from "@/parts/Problem";
import { placeOf, sendFile } from "./machine";
import css from "./system.module.css";

interface Props {
  unit: string;
  onClose: () => void;
}

export function FilesDialog({ unit, opened, onClose }: Props & { opened: boolean }) {
  return (
    <Modal opened={opened} onClose={onClose} title={`Files of ${unit}`} size={560}>
      {opened && <Files unit={unit} onClose={onClose} />}
    </Modal>
  );
}

function Files({ unit, onClose }: Props) {
  const [removing, setRemoving] = useState<string>();
  const files = useQuery({
    queryKey: ["files", unit],
    queryFn: ({ signal }) => get<SentFile[]>(path("api", "units", unit, "system", "sent_files"), signal),
    staleTime: 0,
  });
  const leave = (): void => {
    setRemoving(undefined);
    files.refetch();
  };
  if (files.error) return <Problem error={files.error} />;
  if (files.isPending) return <Waiting what="files" />;
  if (removing !== undefined) return <Removal unit={unit} file={removing} onClose={leave} />;
  return (
    <>
      {files.data.length === 0 && <p className="soft">No descriptor or data file is there yet.</p>}
      <ul aria-label="Files">
        {files.data.map((file) => (
          <li key={file.path} className={css.sent}>
            <span>{file.path}</span>
            <Needs call={["POST", path("api", "units", unit, "system", "remove_file")]}>
              <Button
                variant="subtle"
                color="red"
                c="var(--lost)"
                size="compact-xs"
                aria-label={`Remove ${file.path}`}
                onClick={() => setRemoving(file.path)}
              >
                Remove
              </Button>
            </Needs>
          </li>
        ))}
      </ul>
      <Sending unit={unit} present={files.data} onSent={() => files.refetch()} onClose={onClose} />
    </>
  );
}

function Removal({ unit, file, onClose }: Props & { file: string }) {
  const call = path("api", "units", unit, "system", "remove_file");
  const removing = useMutation({ mutationFn: () => ask("POST", call, { filepath: file }), onSuccess: onClose });
  return (
    <>
      <p>
        Remove {file} from {unit}? No copy of it is kept.
      </p>
      <ConfirmFooter
        needs={["POST", call]}
        error={removing.error}
        confirm="Remove file"
        isConfirming={removing.isPending}
        onCancel={onClose}
        onConfirm={() => removing.mutate()}
      />
    </>
  );
}

interface SendingProps extends Props {
  present: readonly SentFile[];
  onSent: () => void;
}

function Sending({ unit, present, onSent, onClose }: SendingProps) {
  const [target, setTarget] = useState(unit);
  const [folder, setFolder] = useState("exportable_datasets");
  const [file, setFile] = useState<File | null>(null);
  const where = placeOf(folder, file);
  const sending = useMutation({ mutationFn: () => sendFile(target, where, file), onSuccess: onSent });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    sending.mutate();
  };
  return (
    <form onSubmit={submit} className={css.sending}>
      <FileInput
        label="File of this computer"
        description="YAML, JSON, CSV, text or Markdown. Code is installed on the page Plugins."
        accept=".yaml,.yml,.json,.csv,.txt,.md"
        clearable
        value={file}
        onChange={setFile}
      />
      <TextInput
        label="Folder"
        description="exportable_datasets, plugins or ui, or one below them, such as ui/charts."
        value={folder}
        onChange={(event) => setFolder(event.currentTarget.value)}
      />
      <NativeSelect
        label="On"
        value={target}
        data={[unit, { value: EVERYONE, label: "All units" }]}
        onChange={(event) => setTarget(event.currentTarget.value)}
      />
      {present.some((one) => one.path === where) && <p>It replaces the file of this name on {unit}.</p>}
      <p role="status">{sending.isSuccess ? "Sent." : ""}</p>
      <FormFooter
        needs={["PUT", path("api", "units", target, "system", "sent_files", "ui")]}
        error={sending.error}
        send="Send file"
        isSending={sending.isPending}
        isComplete={file !== null && folder.trim() !== ""}
        onCancel={onClose}
      />
    </form>
  );
}
