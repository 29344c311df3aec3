/** The data of a machine as a whole: replaced from an archive, put back, its database restored, its folders repaired. */

import { Button, Checkbox, Group, Modal, NativeSelect } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask, get, path } from "@/api/client";
import type { Backups, MadeBackup, VerifiedBackup } from "@/api/types";
import { Needs } from "@/parts/Needs";
import { Problem, Waiting } from "@/parts/Problem";
import { gigabytes } from "./machine";
import { unlessAway } from "./PowerDialog";
import css from "./system.module.css";

/** What a dialog of the menu does with the data of a machine. */
export type DataAction = "replace" | "undo" | "restore" | "repair";

const TITLES: Record<DataAction, (unit: string) => string> = {
  replace: (unit) => `Replace what is on ${unit} from an archive?`,
  undo: (unit) => `Undo the last import on ${unit}?`,
  restore: () => "Restore a backup of the database?",
  repair: (unit) => `Repair ${unit}?`,
};
export const LONG = { everyMs: 1000, attempts: 1800 };

interface Props {
  unit: string;
  action: DataAction | undefined;
  onClose: () => void;
}

export function MachineDataDialog({ unit, action, onClose }: Props) {
  return (
    <Modal opened={action !== undefined} onClose={onClose} title={action === undefined ? "" : TITLES[action](unit)}>
      {action === "replace" && <Replace unit={unit} onClose={onClose} />}
      {action === "undo" && <Undo unit={unit} onClose={onClose} />}
      {action === "restore" && <Restore onClose={onClose} />}
      {action === "repair" && <Repair unit={unit} onClose={onClose} />}
    </Modal>
  );
}

const archiveRoute = (unit: string): string => path("api", "units", unit, "import_zipped_dot_pioreactor");

function Replace({ unit, onClose }: { unit: string; onClose: () => void }) {
  const [file, setFile] = useState<File>();
  const replacing = useMutation({
    mutationFn: (archive: File) => ask("POST", archiveRoute(unit), archive, LONG).catch(unlessAway),
  });
  return (
    <>
      <p>
        The archive must be of a machine named {unit}. Its name, token, certificates and people stay; jobs must be
        stopped. Plugins in the archive run on this machine: use only archives that you trust.
      </p>
      <label className={css.file}>
        Archive
        <input type="file" accept=".zip" onChange={(event) => setFile(event.currentTarget.files?.[0])} />
      </label>
      {replacing.error && <Problem error={replacing.error} />}
      <p role="status">
        {replacing.isPending ? "Sending and importing…" : replacing.isSuccess ? "Imported. The machine restarts." : ""}
      </p>
      <Buttons onClose={onClose} isDone={replacing.isSuccess}>
        <Needs call={["POST", archiveRoute(unit)]}>
          <Button
            color="red"
            disabled={file === undefined}
            loading={replacing.isPending}
            onClick={() => file && replacing.mutate(file)}
          >
            Replace
          </Button>
        </Needs>
      </Buttons>
    </>
  );
}

function Undo({ unit, onClose }: { unit: string; onClose: () => void }) {
  const undoing = useMutation({
    mutationFn: () => ask("DELETE", archiveRoute(unit), undefined, LONG).catch(unlessAway),
  });
  return (
    <>
      <p>
        Puts back files, configuration and databases as they were before. Jobs must be stopped; the machine restarts.
      </p>
      {undoing.error && <Problem error={undoing.error} />}
      <Buttons onClose={onClose} isDone={undoing.isSuccess}>
        <Needs call={["DELETE", archiveRoute(unit)]}>
          <Button color="red" loading={undoing.isPending} onClick={() => undoing.mutate()}>
            Undo the import
          </Button>
        </Needs>
      </Buttons>
      <p role="status">{undoing.isSuccess ? "What was here before is back." : ""}</p>
    </>
  );
}

function Restore({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const found = useQuery({
    queryKey: ["backups"],
    queryFn: ({ signal }) => get<Backups>("/api/backups", signal),
    staleTime: 0,
  });
  const [chosen, setChosen] = useState(0);
  const [isMeant, setIsMeant] = useState(false);
  const backup = found.data?.backups[chosen];
  const restoring = useMutation({
    mutationFn: () =>
      ask("POST", "/api/backups/restore", { pioreactor_unit: backup?.pioreactor_unit, name: backup?.name }, LONG),
    onSuccess: () => client.invalidateQueries(),
  });
  const verifying = useMutation({
    mutationFn: () =>
      ask("POST", "/api/backups/verify", { pioreactor_unit: backup?.pioreactor_unit, name: backup?.name }, LONG),
  });
  if (found.error) return <Problem error={found.error} />;
  if (found.isPending) return <Waiting what="backups" />;
  if (backup === undefined) return <p>There is no backup yet.</p>;
  return (
    <>
      <NativeSelect
        label="Backup"
        value={String(chosen)}
        onChange={(event) => {
          setChosen(Number(event.currentTarget.value));
          verifying.reset();
        }}
        data={found.data.backups.map((one, i) => ({
          value: String(i),
          label: `${one.name} on ${one.pioreactor_unit}, ${gigabytes(one.size_bytes)}`,
        }))}
      />
      {found.data.silent.length > 0 && <p className="soft small">No answer from {found.data.silent.join(", ")}.</p>}
      <Checkbox
        mt="md"
        label="Replace all data by this backup"
        description="What is here now is kept and can be restored the same way. No job may run."
        checked={isMeant}
        onChange={(event) => setIsMeant(event.currentTarget.checked)}
      />
      {(restoring.error ?? verifying.error) && <Problem error={restoring.error ?? verifying.error} />}
      <p role="status">{restoring.isSuccess ? "Restored." : verifying.isSuccess ? verifiedText(verifying.data) : ""}</p>
      <Buttons onClose={onClose} isDone={restoring.isSuccess}>
        <Needs call={["POST", "/api/backups/verify"]}>
          <Button variant="default" loading={verifying.isPending} onClick={() => verifying.mutate()}>
            Verify
          </Button>
        </Needs>
        <Needs call={["POST", "/api/backups/restore"]}>
          <Button color="red" disabled={!isMeant} loading={restoring.isPending} onClick={() => restoring.mutate()}>
            Restore
          </Button>
        </Needs>
      </Buttons>
    </>
  );
}

/** Return what the check of a backup has found. */
export function verifiedText(result: unknown): string {
  const { name, rows } = result as VerifiedBackup;
  return `${name} is whole: ${rows} rows.`;
}

/** Return what a backup has, in sentences. */
export function backupText(result: unknown): string {
  const { name, rows, workers, problems } = result as MadeBackup;
  const copies = workers.length > 0 ? `, also on ${workers.join(", ")}` : "";
  return [`Backed up ${rows} rows as ${name}${copies}.`, ...problems].join(" ");
}

/** Return what a unit reported of its repair. */
export function repairsOf(result: unknown, unit: string): string[] {
  const answer = (result as Record<string, { value?: { done?: string[] } }> | undefined)?.[unit];
  return answer?.value?.done ?? [];
}

function Repair({ unit, onClose }: { unit: string; onClose: () => void }) {
  const repairing = useMutation({ mutationFn: () => ask("POST", path("api", "units", unit, "system", "repair")) });
  const done = repairsOf(repairing.data, unit);
  return (
    <>
      <p>Creates missing folders, puts their permissions right, and closes jobs that were killed. Jobs continue.</p>
      {repairing.error && <Problem error={repairing.error} />}
      <p role="status">{repairing.isSuccess ? (done.length > 0 ? done.join("; ") : "Nothing to repair.") : ""}</p>
      <Buttons onClose={onClose} isDone={repairing.isSuccess}>
        <Needs call={["POST", path("api", "units", unit, "system", "repair")]}>
          <Button loading={repairing.isPending} onClick={() => repairing.mutate()}>
            Repair
          </Button>
        </Needs>
      </Buttons>
    </>
  );
}

function Buttons({ onClose, isDone, children }: { onClose: () => void; isDone: boolean; children: React.ReactNode }) {
  return (
    <Group justify="flex-end" mt="md">
      <Button variant="default" onClick={onClose}>
        {isDone ? "Close" : "Cancel"}
      </Button>
      {!isDone && children}
    </Group>
  );
}
