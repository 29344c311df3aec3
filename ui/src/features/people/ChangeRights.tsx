/** Gives a person another role and other limits. */

import { Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { path, request } from "@/api/client";
import type { Person } from "@/api/types";
import { FormFooter } from "@/parts/FormFooter";
import css from "./people.module.css";
import { type ChosenRights, RightsFields } from "./RightsFields";

interface Props {
  person: Person | undefined;
  onClose: () => void;
}

export function ChangeRights({ person, onClose }: Props) {
  return (
    <Modal opened={person !== undefined} onClose={onClose} title={`Rights of ${person?.username ?? ""}`}>
      {person !== undefined && <Form person={person} onClose={onClose} />}
    </Modal>
  );
}

function Form({ person, onClose }: { person: Person; onClose: () => void }) {
  const client = useQueryClient();
  const [rights, setRights] = useState<ChosenRights>({
    role: person.role,
    units: person.units ?? null,
    experiments: person.experiments ?? null,
  });
  const changing = useMutation({
    mutationFn: () => request("PATCH", path("auth", "people", person.username), rights),
    onSuccess: async () => {
      await Promise.all(["people", "me"].map((key) => client.invalidateQueries({ queryKey: [key] })));
      onClose();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    changing.mutate();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      <RightsFields value={rights} onChange={setRights} />
      <FormFooter
        needs={["PATCH", path("auth", "people", person.username)]}
        error={changing.error}
        send="Change rights"
        isSending={changing.isPending}
        isComplete={true}
        onCancel={onClose}
      />
    </form>
  );
}
