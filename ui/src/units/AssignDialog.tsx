/** Which units take part in an experiment; says what leaving or moving a unit stops. */

import { Button, Checkbox, Group, Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask, path } from "@/api/client";
import { useAssignments, useWorkers } from "@/api/queries";
import { Needs } from "@/parts/Needs";
import { Problem, Waiting } from "@/parts/Problem";
import { modelName } from "./models";
import css from "./units.module.css";

interface Props {
  opened: boolean;
  onClose: () => void;
  experiment: string;
}

export interface Change {
  unit: string;
  assign: boolean;
}

/** Return what has to be asked of the leader to get from one choice to the other. */
export function changes(before: ReadonlySet<string>, after: ReadonlySet<string>): Change[] {
  const joining = [...after].filter((unit) => !before.has(unit)).map((unit) => ({ unit, assign: true }));
  const leaving = [...before].filter((unit) => !after.has(unit)).map((unit) => ({ unit, assign: false }));
  return [...leaving, ...joining];
}

export function AssignDialog({ opened, onClose, experiment }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title={`Units of ${experiment}`} size={460}>
      {opened && <Choice experiment={experiment} onDone={onClose} />}
    </Modal>
  );
}

function Choice({ experiment, onDone }: { experiment: string; onDone: () => void }) {
  const client = useQueryClient();
  const workers = useWorkers();
  const assignments = useAssignments();
  const [chosen, choose] = useState<ReadonlySet<string>>();
  const where = new Map((assignments.data ?? []).map((one) => [one.pioreactor_unit, one.experiment]));
  const before = new Set([...where].filter(([, at]) => at === experiment).map(([unit]) => unit));
  const after = chosen ?? before;
  const todo = changes(before, after);

  const saving = useMutation({
    mutationFn: async () => {
      for (const { unit, assign } of todo) {
        if (assign) await ask("PUT", path("api", "experiments", experiment, "workers"), { pioreactor_unit: unit });
        else await ask("DELETE", path("api", "experiments", experiment, "workers", unit));
      }
    },
    onSuccess: onDone,
    onSettled: () =>
      Promise.all(
        ["assignments", "experiments", "workers"].map((key) => client.invalidateQueries({ queryKey: [key] })),
      ),
  });

  if (workers.error ?? assignments.error) return <Problem error={workers.error ?? assignments.error} />;
  if (!workers.data || !assignments.data) return <Waiting what="units" />;
  const flip = (unit: string): void => {
    const next = new Set(after);
    if (!next.delete(unit)) next.add(unit);
    choose(next);
  };
  const stopped = todo
    .filter(({ unit, assign }) => !assign || (where.get(unit) ?? null) !== null)
    .map(({ unit }) => unit);
  return (
    <>
      <ul className={css.choices}>
        {workers.data.map((worker) => {
          const unit = worker.pioreactor_unit;
          const elsewhere = where.get(unit) && where.get(unit) !== experiment ? `in ${where.get(unit)}` : "";
          const inactive = worker.is_active === 0;
          return (
            <li key={unit}>
              <Checkbox
                label={unit}
                description={[modelName(worker), inactive ? "inactive: switch it on in Inventory" : elsewhere]
                  .filter(Boolean)
                  .join(", ")}
                checked={after.has(unit)}
                disabled={inactive && !after.has(unit)}
                onChange={() => flip(unit)}
              />
            </li>
          );
        })}
      </ul>
      {workers.data.length === 0 && <p className="soft">This cluster has no units yet. Add one in Inventory.</p>}
      {stopped.length > 0 && <p className={css.consequence}>Stops what runs on {stopped.join(", ")}.</p>}
      {saving.error && <Problem error={saving.error} />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onDone}>
          Cancel
        </Button>
        <Needs call={["PUT", path("api", "experiments", experiment, "workers")]}>
          <Button disabled={todo.length === 0} loading={saving.isPending} onClick={() => saving.mutate()}>
            Assign
          </Button>
        </Needs>
      </Group>
    </>
  );
}
