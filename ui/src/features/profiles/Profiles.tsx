/** Experiment profiles: choose one, see what it will do, run it, change it. The chosen one is in the address. */

import { Button, Group, Menu, Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask, path } from "@/api/client";
import { useAddressParams } from "@/parts/addressParams";
import { useFrame } from "@/parts/experiment";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { Preview } from "./Preview";
import { ProfileEditor } from "./ProfileEditor";
import { authorOf, nameOf, TEMPLATES } from "./profiles";
import css from "./profiles.module.css";
import { usePreview, useProfiles, useProfileText } from "./queries";
import { Rehearse } from "./Rehearse";
import { Runs } from "./Runs";
import { StartRun } from "./StartRun";
import { YamlText } from "./YamlText";

interface Writing {
  /** Nothing for a new profile. */
  file: string | undefined;
  text: string;
}

export default function Profiles() {
  const { current } = useFrame();
  const experiment = current?.experiment ?? "";
  const [params, change] = useAddressParams();
  const [writing, setWriting] = useState<Writing>();
  const profiles = useProfiles();
  const rows = profiles.data ?? [];
  const chosen = rows.find((one) => one.file === params.get("file"))?.file ?? rows[0]?.file;
  const choose = (file: string): void => change((now) => now.set("file", file));
  const done = (file: string | undefined): void => {
    setWriting(undefined);
    if (file !== undefined) choose(file);
  };
  return (
    <>
      <PageHeader
        title="Profiles"
        about={
          <span>
            What happens on which unit and when, written once{profiles.data && `; ${count(rows.length, "profile")}`}.
          </span>
        }
        actions={
          <Menu position="bottom-end">
            <Menu.Target>
              <Button leftSection={<Icon name="plus" size={16} />} disabled={writing !== undefined}>
                New profile
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {TEMPLATES.map(({ name, text }) => (
                <Needs key={name} call={["POST", "/api/experiment_profiles"]}>
                  <Menu.Item onClick={() => setWriting({ file: undefined, text })}>{name}</Menu.Item>
                </Needs>
              ))}
            </Menu.Dropdown>
          </Menu>
        }
      />
      {profiles.error && <Problem error={profiles.error} />}
      {writing ? (
        <ProfileEditor
          key={writing.file ?? ""}
          file={writing.file}
          saved={writing.text}
          taken={rows.map((one) => one.file)}
          onDone={done}
        />
      ) : profiles.isPending ? (
        <Waiting what="profiles" />
      ) : chosen === undefined ? (
        <Empty title="There is no profile yet.">
          <p className="soft">
            A profile starts, changes and stops jobs at set times, or once something has happened, on every unit of an
            experiment.
          </p>
        </Empty>
      ) : (
        <div className={css.columns}>
          <nav className={css.list} aria-label="Profiles">
            {rows.map((one) => (
              <button
                key={one.file}
                type="button"
                aria-current={one.file === chosen ? "true" : undefined}
                className={one.file === chosen ? css.chosen : undefined}
                onClick={() => choose(one.file)}
              >
                <span>{nameOf(one)}</span>
                <span className="soft small">{[one.file, authorOf(one)].filter(Boolean).join(", ")}</span>
              </button>
            ))}
          </nav>
          <Chosen key={chosen} file={chosen} experiment={experiment} onWrite={setWriting} />
          <Runs experiment={experiment} />
        </div>
      )}
    </>
  );
}

function Chosen({
  file,
  experiment,
  onWrite,
}: {
  file: string;
  experiment: string;
  onWrite: (writing: Writing) => void;
}) {
  const text = useProfileText(file);
  const preview = usePreview(text.data ?? "");
  const error = text.error ?? preview.error;
  const rehearse = <Rehearse text={text.data ?? ""} experiment={experiment} disabled={!preview.data?.ok} />;
  return (
    <section className={`panel ${css.one}`} aria-label={file}>
      <div className={css.buttons}>
        <h2>{file}</h2>
        <DeleteProfile file={file} />
        <Needs call={["POST", "/api/experiment_profiles"]}>
          <Button
            variant="default"
            disabled={!text.data}
            onClick={() => onWrite({ file: undefined, text: text.data ?? "" })}
          >
            Duplicate
          </Button>
        </Needs>
        <Needs call={["PATCH", path("api", "experiment_profiles", file)]}>
          <Button variant="default" disabled={!text.data} onClick={() => onWrite({ file, text: text.data ?? "" })}>
            Edit
          </Button>
        </Needs>
        {rehearse}
        <StartRun file={file} experiment={experiment} disabled={!preview.data?.ok}>
          {rehearse}
        </StartRun>
      </div>
      {error ? (
        <Problem error={error} />
      ) : preview.data ? (
        <Preview preview={preview.data} />
      ) : (
        <Waiting what="the profile" />
      )}
      {text.data && (
        <details>
          <summary>Text</summary>
          <pre className={css.source}>
            <YamlText text={text.data} />
          </pre>
        </details>
      )}
    </section>
  );
}

function DeleteProfile({ file }: { file: string }) {
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const deleting = useMutation({
    mutationFn: () => ask("DELETE", path("api", "experiment_profiles", file)),
    onSuccess: () => client.invalidateQueries({ queryKey: ["profiles"] }),
  });
  return (
    <>
      <Needs call={["DELETE", path("api", "experiment_profiles", file)]}>
        <Button variant="subtle" color="red" c="var(--lost)" onClick={() => setAsking(true)}>
          Delete
        </Button>
      </Needs>
      <Modal opened={asking} onClose={() => setAsking(false)} title={`Delete ${file}?`}>
        <p>The file is deleted on the leader. A run in progress continues.</p>
        {deleting.error && <Problem error={deleting.error} />}
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={() => setAsking(false)}>
            Cancel
          </Button>
          <Needs call={["DELETE", path("api", "experiment_profiles", file)]}>
            <Button color="red" loading={deleting.isPending} onClick={() => deleting.mutate()}>
              Delete profile
            </Button>
          </Needs>
        </Group>
      </Modal>
    </>
  );
}
