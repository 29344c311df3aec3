/** The estimators of all units: what each was made from, and which is in use. */

import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask, finished, get, path } from "@/api/client";
import type { TaskAccepted } from "@/api/types";
import { Swatch } from "@/charts/Legend";
import { stroke } from "@/charts/palette";
import { useUnitStrokes } from "@/charts/useLines";
import { EVERYONE } from "@/live/topics";
import { moment, plain, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Problem } from "@/parts/Problem";
import css from "./calibrations.module.css";
import { DeleteDialog, type Kept } from "./DeleteDialog";
import { type Estimator, estimatorsIn, lineOf, rangeOf } from "./estimator";
import { Scatter } from "./Scatter";
import { deviceName } from "./session";

export const ESTIMATORS = ["estimators"];

export function useEstimators() {
  return useQuery({
    queryKey: ESTIMATORS,
    queryFn: async ({ signal }) =>
      estimatorsIn(
        await finished(await get<TaskAccepted>(path("api", "workers", EVERYONE, "estimators"), signal), {
          everyMs: 250,
          attempts: 80,
        }),
      ),
    staleTime: 10_000,
  });
}

export function Estimators({ estimators }: { estimators: readonly Estimator[] }) {
  const client = useQueryClient();
  const [deleting, setDeleting] = useState<Kept>();
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: ESTIMATORS });
  const using = useMutation({
    mutationFn: (one: Estimator) =>
      one.is_active
        ? ask("DELETE", path("api", "workers", one.pioreactor_unit, "active_estimators", one.device))
        : ask(
            "PATCH",
            path("api", "workers", one.pioreactor_unit, "active_estimators", one.device, one.estimator_name),
          ),
    onSettled: refresh,
  });
  return (
    <>
      {using.error && <Problem error={using.error} />}
      {[...new Set(estimators.map((one) => one.device))].map((device) => (
        <section key={device} className={`panel ${css.device}`} aria-label={deviceName(device)}>
          <h2>{deviceName(device)}</h2>
          <ul className={css.list} aria-label={`Estimators of ${deviceName(device)}`}>
            {estimators
              .filter((one) => one.device === device)
              .map((one) => (
                <li key={`${one.pioreactor_unit}/${one.estimator_name}`} className={css.estimator}>
                  <Curves estimator={one} />
                  <Words
                    estimator={one}
                    busy={using.isPending}
                    onUse={() => using.mutate(one)}
                    onDelete={() =>
                      setDeleting({
                        kind: "estimators",
                        unit: one.pioreactor_unit,
                        device,
                        name: one.estimator_name,
                        isActive: one.is_active,
                      })
                    }
                  />
                </li>
              ))}
          </ul>
        </section>
      ))}
      <DeleteDialog kept={deleting} onClose={() => setDeleting(undefined)} onDeleted={refresh} />
    </>
  );
}

function Curves({ estimator }: { estimator: Estimator }) {
  const { dark } = useUnitStrokes();
  const series = estimator.angles.map((angle, i) => ({
    id: angle,
    ...lineOf(estimator, angle),
    stroke: stroke(i, dark),
    faint: !estimator.is_active,
  }));
  return (
    <figure className={css.measured}>
      <figcaption className={css.measuredHead}>
        {series.map((one) => (
          <span key={one.id} className={css.name}>
            <Swatch stroke={one.stroke} />
            {one.id}°
          </span>
        ))}
      </figcaption>
      <Scatter xLabel="log10 OD600" yLabel="ln reading" series={series} />
    </figure>
  );
}

function Words({
  estimator,
  busy,
  onUse,
  onDelete,
}: {
  estimator: Estimator;
  busy: boolean;
  onUse: () => void;
  onDelete: () => void;
}) {
  const { estimator_name: name, pioreactor_unit: unit, is_active } = estimator;
  const [low, high] = rangeOf(estimator);
  return (
    <div>
      <p className={css.name}>
        <strong>{name}</strong>
        {is_active && (
          <span className={css.active}>
            <Icon name="check" size={13} />
            In use
          </span>
        )}
      </p>
      <p className="soft small">
        {unit}, {moment(secondsOf(estimator.created_at))}
      </p>
      <p className="soft small num">
        OD600 {plain(Number(low.toPrecision(3)))} to {plain(Number(high.toPrecision(3)))}
      </p>
      <div className={css.actions}>
        <Button
          variant="default"
          size="xs"
          disabled={busy}
          onClick={onUse}
          aria-label={`${is_active ? "Stop using" : "Use"} ${name} on ${unit}`}
        >
          {is_active ? "Stop using" : "Use"}
        </Button>
        <Button
          variant="subtle"
          color="red"
          c="var(--lost)"
          size="xs"
          onClick={onDelete}
          aria-label={`Delete ${name} of ${unit}`}
        >
          Delete
        </Button>
      </div>
    </div>
  );
}
