/** Begins an experiment, or changes how one is described. */

import { Modal, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ask, path, request } from "@/api/client";
import type { Experiment } from "@/api/types";
import { useFrame } from "@/parts/experiment";
import { FormFooter } from "@/parts/FormFooter";
import css from "./experiments.module.css";
import { tagsOf, wrongWith } from "./search";

interface Props {
  opened: boolean;
  onClose: () => void;
  /** The experiment to change; a new one when undefined. */
  experiment: Experiment | undefined;
  experiments: readonly Experiment[];
  onCreated: (experiment: Experiment) => void;
}

export function ExperimentForm(props: Props) {
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={props.experiment ? `Edit ${props.experiment.experiment}` : "New experiment"}
    >
      {props.opened && <Form {...props} />}
    </Modal>
  );
}

function Form({ onClose, experiment, experiments, onCreated }: Props) {
  const client = useQueryClient();
  const { choose } = useFrame();
  const [name, setName] = useState(experiment?.experiment ?? "");
  const [description, setDescription] = useState(experiment?.description ?? "");
  const [tags, setTags] = useState(experiment?.tags.join(", ") ?? "");
  const renamed = experiment !== undefined && name.trim() !== experiment.experiment;
  const wrong =
    experiment && !renamed
      ? undefined
      : wrongWith(
          name,
          experiments.map((one) => one.experiment),
        );
  const like = (from: string): void => {
    const before = experiments.find((one) => one.experiment === from);
    if (!before) return;
    setDescription(before.description ?? "");
    setTags(before.tags.join(", "));
  };
  const saving = useMutation({
    mutationFn: async () => {
      const about = { description, tags: tagsOf(tags) };
      if (!experiment) return request<Experiment>("POST", "/api/experiments", { experiment: name.trim(), ...about });
      const changed = await request<Experiment>("PATCH", path("api", "experiments", experiment.experiment), about);
      if (!renamed) return changed;
      const rename = path("api", "experiments", experiment.experiment, "rename");
      await ask("POST", rename, { experiment: name.trim() }, { everyMs: 1000, attempts: 600 });
      choose(name.trim());
      return { ...changed, experiment: name.trim() };
    },
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: ["experiments"] });
      if (experiment) onClose();
      else onCreated(saved);
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (wrong === undefined) saving.mutate();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      <TextInput
        label="Name"
        description={
          experiment && experiment.worker_count > 0
            ? "To rename it, end it first: what its units publish has the name in it."
            : undefined
        }
        disabled={experiment !== undefined && experiment.worker_count > 0}
        data-autofocus
        required
        withAsterisk={false}
        value={name}
        error={name !== "" ? wrong : undefined}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Textarea
        label="Description"
        autosize
        minRows={2}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <TextInput
        label="Tags"
        description="Separated by commas"
        value={tags}
        onChange={(event) => setTags(event.currentTarget.value)}
      />
      {!experiment && experiments.length > 0 && (
        <NativeSelect
          label="Description and tags as in"
          defaultValue=""
          data={[{ value: "", label: "–" }, ...experiments.map((one) => one.experiment)]}
          onChange={(event) => like(event.currentTarget.value)}
        />
      )}
      <FormFooter
        needs={experiment ? ["PATCH", path("api", "experiments", experiment.experiment)] : ["POST", "/api/experiments"]}
        error={saving.error}
        send={experiment ? "Save" : "Begin experiment"}
        isSending={saving.isPending}
        isComplete={wrong === undefined}
        onCancel={onClose}
      />
    </form>
  );
}
