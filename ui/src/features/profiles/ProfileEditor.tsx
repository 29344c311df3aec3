/** The text of a profile, and what the leader says of it while it is written. */

import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { ask, path } from "@/api/client";
import { DraftNotice, LeaveGuard, useDraft } from "@/parts/draft";
import { Needs } from "@/parts/Needs";
import { Problem, Waiting } from "@/parts/Problem";
import { goTo, MarkedText } from "./MarkedText";
import { Preview } from "./Preview";
import { asFile, wrongName } from "./profiles";
import css from "./profiles.module.css";
import { usePreview } from "./queries";
import { WhatUnitsCan } from "./WhatUnitsCan";

/** Where the unsaved text of a profile is kept; of a new one for a blank name. */
export const profileDraft = (file: string | undefined): string => `profile ${file ?? ""}`;

interface Props {
  /** Nothing for a new profile. */
  file: string | undefined;
  saved: string;
  taken: readonly string[];
  onDone: (file: string | undefined) => void;
}

export function ProfileEditor({ file, saved, taken, onDone }: Props) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [leaving, setLeaving] = useState(false);
  const draft = useDraft(profileDraft(file), saved);
  const { text, setText } = draft;
  const field = useRef<HTMLTextAreaElement>(null);
  const [settled] = useDebouncedValue(text, 400);
  const preview = usePreview(settled);
  const refusedName = file === undefined ? wrongName(name, taken) : undefined;
  const target = file ?? asFile(name);
  const saving = useMutation({
    mutationFn: () =>
      file === undefined
        ? ask("POST", "/api/experiment_profiles", { filename: target, body: text })
        : ask("PATCH", path("api", "experiment_profiles", file), { body: text }),
    onSuccess: async () => {
      draft.discard();
      await client.invalidateQueries({ queryKey: ["profiles"] });
      onDone(target);
    },
  });
  const isWrong = preview.data !== undefined && !preview.data.ok;
  return (
    <div className={css.editing}>
      <LeaveGuard what="The profile" unsaved={draft.changed && !saving.isSuccess} />
      <div className={css.writing}>
        {file === undefined && (
          <TextInput
            label="Name of the file"
            placeholder="dilute at noon"
            value={name}
            error={name !== "" && refusedName}
            onChange={(event) => setName(event.currentTarget.value)}
          />
        )}
        <DraftNotice draft={draft} />
        <MarkedText
          label="Text of the profile"
          value={text}
          found={settled === text ? (preview.data?.diagnostics ?? []) : []}
          field={field}
          onText={setText}
        />
        {saving.error && <Problem error={saving.error} />}
        <div className={css.buttons}>
          <Button variant="default" onClick={() => (draft.changed ? setLeaving(true) : onDone(file))}>
            {draft.changed ? "Discard changes" : "Close"}
          </Button>
          <Needs call={["POST", "/api/experiment_profiles"]}>
            <Button
              disabled={refusedName !== undefined || isWrong || (file !== undefined && text === saved)}
              loading={saving.isPending}
              onClick={() => saving.mutate()}
            >
              Save
            </Button>
          </Needs>
        </div>
      </div>
      <Modal opened={leaving} onClose={() => setLeaving(false)} title="Discard the changes?">
        <p>What you wrote since the last save is deleted.</p>
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={() => setLeaving(false)}>
            Keep writing
          </Button>
          <Button
            color="red"
            onClick={() => {
              draft.discard();
              onDone(file);
            }}
          >
            Discard changes
          </Button>
        </Group>
      </Modal>
      <section aria-label="Preview" aria-live="polite">
        {preview.error ? (
          <Problem error={preview.error} />
        ) : preview.data ? (
          <Preview preview={preview.data} onGoTo={(one) => goTo(field.current, one)} />
        ) : (
          <Waiting what="a look at it" />
        )}
        <WhatUnitsCan />
      </section>
    </div>
  );
}
