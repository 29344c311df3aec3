/** A still with what can be done with it. */

import { Button, Group, Menu, Modal, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { request } from "@/api/client";
import type { Still } from "@/api/types";
import { moment } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import { camerasKey, imageOf, stillsKey, stillsPath, takenAt } from "@/stills/stills";
import css from "./cameras.module.css";

interface Props {
  still: Still;
  unit: string;
  label: string;
  experiment: string;
  onOpen: () => void;
}

export function StillCard({ still, unit, label, experiment, onOpen }: Props) {
  const client = useQueryClient();
  const [dialog, setDialog] = useState<"rename" | "delete">();
  const [name, setName] = useState(still.image_id);
  const where = stillsPath(unit, experiment, `${still.image_id}.jpg`);
  const changing = useMutation({
    mutationFn: ({ method, body }: { method: "PATCH" | "DELETE"; body?: unknown }) => request(method, where, body),
    onSuccess: async () => {
      setDialog(undefined);
      const keys = [stillsKey(unit, experiment), camerasKey(experiment)];
      await Promise.all(keys.map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });
  const taken = moment(takenAt(still));
  const isPinned = still.pinned === true;
  const kept = isPinned ? "Pinned" : still.capture_reason === "manual" ? "By hand" : undefined;
  const rename = (event: FormEvent): void => {
    event.preventDefault();
    changing.mutate({ method: "PATCH", body: { new_image_id: name } });
  };
  return (
    <li className={`panel ${css.still}`}>
      <button type="button" className={css.open} onClick={onOpen} aria-label={`Enlarge the still of ${taken}`}>
        <img src={imageOf(unit, experiment, still)} alt={`The vial of ${label}`} loading="lazy" decoding="async" />
      </button>
      <div className={css.caption}>
        <span className="small num">
          {taken}
          {kept && <span className={css.kept}>{kept}</span>}
        </span>
        <Menu position="bottom-end">
          <Menu.Target>
            <Button variant="subtle" size="compact-sm" px={4} aria-label={`Actions for the still of ${taken}`}>
              <Icon name="dots" size={16} />
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Needs call={["PATCH", where]}>
              <Menu.Item onClick={() => changing.mutate({ method: "PATCH", body: { pinned: !isPinned } })}>
                {isPinned ? "Unpin" : "Pin"}
              </Menu.Item>
            </Needs>
            <Needs call={["PATCH", where]}>
              <Menu.Item onClick={() => setDialog("rename")}>Rename…</Menu.Item>
            </Needs>
            <Menu.Item component="a" href={imageOf(unit, experiment, still)} download={`${still.image_id}.jpg`}>
              Download
            </Menu.Item>
            <Needs call={["DELETE", where]}>
              <Menu.Item color="var(--lost)" onClick={() => setDialog("delete")}>
                Delete…
              </Menu.Item>
            </Needs>
          </Menu.Dropdown>
        </Menu>
      </div>
      {changing.error && dialog === undefined && <Problem error={changing.error} />}
      <Modal opened={dialog === "rename"} onClose={() => setDialog(undefined)} title="Rename the still">
        <form onSubmit={rename}>
          <TextInput
            label="Name"
            description="Letters, digits and . _ -"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {changing.error && <Problem error={changing.error} />}
          <Group justify="flex-end" mt="md">
            <Button variant="default" onClick={() => setDialog(undefined)}>
              Cancel
            </Button>
            <Needs call={["PATCH", where]}>
              <Button type="submit" loading={changing.isPending} disabled={!/^[\w.-]+$/.test(name)}>
                Rename
              </Button>
            </Needs>
          </Group>
        </form>
      </Modal>
      <Modal opened={dialog === "delete"} onClose={() => setDialog(undefined)} title="Delete the still?">
        <p>The still of {taken} is deleted from the unit and cannot be brought back.</p>
        {changing.error && <Problem error={changing.error} />}
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={() => setDialog(undefined)}>
            Cancel
          </Button>
          <Needs call={["DELETE", where]}>
            <Button color="red" loading={changing.isPending} onClick={() => changing.mutate({ method: "DELETE" })}>
              Delete
            </Button>
          </Needs>
        </Group>
      </Modal>
    </li>
  );
}
