/** The text of a profile, and what the leader says of it while it is written. */

import { Button, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask, path } from "@/api/client";
import { CodeArea } from "@/parts/CodeArea";
import { Problem, Waiting } from "@/parts/Problem";
import { Preview } from "./Preview";
import { asFile, wrongName } from "./profiles";
import css from "./profiles.module.css";
import { usePreview } from "./queries";

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
  const [text, setText] = useState(saved);
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
      await client.invalidateQueries({ queryKey: ["profiles"] });
      onDone(target);
    },
  });
  const isWrong = preview.data !== undefined && !preview.data.ok;
  return (
    <div className={css.editing}>
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
        <CodeArea className={css.text} label="Text of the profile" value={text} onText={setText} />
        {saving.error && <Problem error={saving.error} />}
        <div className={css.buttons}>
          <Button variant="default" onClick={() => onDone(file)}>
            {text === saved ? "Close" : "Discard changes"}
          </Button>
          <Button
            disabled={refusedName !== undefined || isWrong || (file !== undefined && text === saved)}
            loading={saving.isPending}
            onClick={() => saving.mutate()}
          >
            Save
          </Button>
        </div>
      </div>
      <section aria-label="Preview" aria-live="polite">
        {preview.error ? (
          <Problem error={preview.error} />
        ) : preview.data ? (
          <Preview preview={preview.data} />
        ) : (
          <Waiting what="a look at it" />
        )}
      </section>
    </div>
  );
}
