/** Begins an experiment, or changes how one is described. */

import { Modal, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { path, request } from "@/api/client";
import type { Experiment } from "@/api/types";
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
  const [name, setName] = useState(experiment?.experiment ?? "");
  const [description, setDescription] = useState(experiment?.description ?? "");
  const [tags, setTags] = useState(experiment?.tags.join(", ") ?? "");
  const wrong = experiment
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
    mutationFn: () =>
      experiment
        ? request<Experiment>("PATCH", path("api", "experiments", experiment.experiment), {
            description,
            tags: tagsOf(tags),
          })
        : request<Experiment>("POST", "/api/experiments", { experiment: name.trim(), description, tags: tagsOf(tags) }),
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
      {!experiment && (
        <TextInput
          label="Name"
          description="The name can't be changed later."
          data-autofocus
          required
          withAsterisk={false}
          value={name}
          error={name !== "" ? wrong : undefined}
          onChange={(event) => setName(event.currentTarget.value)}
        />
      )}
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
        error={saving.error}
        send={experiment ? "Save" : "Begin experiment"}
        isSending={saving.isPending}
        isComplete={wrong === undefined}
        onCancel={onClose}
      />
    </form>
  );
}
