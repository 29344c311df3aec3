/** One profile: its steps, or its text, and what can be done with it. */

import { Button, Group, Modal, SegmentedControl } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, path, request } from "@/api/client";
import { useSharedConfig } from "@/api/queries";
import { Icon } from "@/parts/icons";
import { Problem } from "@/parts/Problem";
import { PROFILES, run, runsKey, type ProfileRow } from "./api";
import { nameOf } from "./Profiles";
import { timeline } from "./timeline";
import css from "./profiles.module.css";

interface Props {
  row: ProfileRow;
  experiment: string | undefined;
  onEdit: () => void;
  onCopy: () => void;
}

export const useText = (file: string | undefined) =>
  useQuery({ queryKey: [...PROFILES, file], queryFn: ({ signal }) => get<string>(path("api", "experiment_profiles", file ?? ""), signal), enabled: file !== undefined });

export function ProfileView({ row, experiment, onEdit, onCopy }: Props) {
  const client = useQueryClient();
  const [as, setAs] = useState("steps");
  const [deleting, setDeleting] = useState(false);
  const leader = useSharedConfig().data?.["cluster.topology"]?.leader_hostname;
  const running = useMutation({
    mutationFn: (dryRun: boolean) => run(leader ?? "", row, experiment ?? "", dryRun),
    onSuccess: () => client.invalidateQueries({ queryKey: runsKey(experiment ?? "") }),
  });
  const removing = useMutation({
    mutationFn: () => request("DELETE", path("api", "experiment_profiles", row.file)),
    onSuccess: () => client.invalidateQueries({ queryKey: PROFILES }),
  });
  const metadata = row.experimentProfile.metadata as { author?: string; description?: string } | undefined;
  const cannot = experiment === undefined || leader === undefined || running.isPending;
  return (
    <section className={`panel ${css.view}`} aria-label={nameOf(row)}>
      <header className={css.head}>
        <div>
          <h2>{nameOf(row)}</h2>
          <p className="soft small">{[row.file, metadata?.author].filter(Boolean).join(", by ")}</p>
        </div>
        <div className={css.actions}>
          <Button leftSection={<Icon name="on" size={16} />} disabled={cannot} onClick={() => running.mutate(false)}>
            Run
          </Button>
          <Button variant="default" disabled={cannot} onClick={() => running.mutate(true)}>
            Dry run
          </Button>
          <Button variant="default" onClick={onEdit}>
            Edit
          </Button>
          <Button variant="default" onClick={onCopy}>
            Copy
          </Button>
          <Button variant="subtle" color="red" c="var(--lost)" onClick={() => setDeleting(true)}>
            Delete
          </Button>
        </div>
      </header>
      {metadata?.description && <p>{metadata.description}</p>}
      {running.error && <Problem error={running.error} />}
      {running.isSuccess && <p role="status">{running.variables ? "The dry run was started; what it would do is in the events." : "The profile was started on the leader."}</p>}
      <SegmentedControl
        size="xs"
        aria-label="Shown as"
        className={css.as ?? ""}
        value={as}
        onChange={setAs}
        data={[
          { value: "steps", label: "Steps" },
          { value: "text", label: "Text" },
        ]}
      />
      {as === "steps" ? <Steps row={row} /> : <Text file={row.file} />}
      <Modal opened={deleting} onClose={() => setDeleting(false)} title={`Delete ${row.file}?`}>
        <p>Deletes the file from the leader. A run that is under way goes on. It cannot be brought back.</p>
        {removing.error && <Problem error={removing.error} />}
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={() => setDeleting(false)}>
            Cancel
          </Button>
          <Button color="red" loading={removing.isPending} onClick={() => removing.mutate()}>
            Delete profile
          </Button>
        </Group>
      </Modal>
    </section>
  );
}

function Steps({ row }: { row: ProfileRow }) {
  const steps = timeline(row.experimentProfile);
  if (steps.length === 0) return <p className="soft">This file holds no steps, or could not be read; its text says more.</p>;
  return (
    <ol className={css.steps}>
      {steps.map((step, i) => (
        <li key={i}>
          <span className={`num ${css.when}`}>{step.when === steps[i - 1]?.when ? "" : step.when}</span>
          <span>
            <strong>{step.job}</strong> <span className="soft">{step.who}</span>
            <br />
            {step.what}
          </span>
        </li>
      ))}
    </ol>
  );
}

function Text({ file }: { file: string }) {
  const { data, error } = useText(file);
  if (error) return <Problem error={error} />;
  return <pre className={css.text}>{data}</pre>;
}
