/** One glance, one unit: who it is, how it is, what it does, what it measures. */

import { useModels } from "@/api/queries";
import type { JobDescriptor, Reactor } from "@/api/types";
import { Swatch } from "@/charts/Legend";
import { useUnitStrokes } from "@/charts/useLines";
import { ActivityGrid } from "@/control/ActivityGrid";
import { useTopic } from "@/live/hooks";
import { monitor } from "@/live/topics";
import { StateBadge } from "@/parts/StateBadge";
import { Numbers } from "./Numbers";
import { VolumeBar } from "./VolumeBar";
import css from "./overview.module.css";

interface Props {
  worker: Reactor;
  label: string | undefined;
  experiment: string;
  jobs: readonly JobDescriptor[];
}

/** "20 mL", "40 mL XR": what kind of reactor it is. */
export function modelName(worker: Reactor): string {
  const found = /(\d+)ml(_XR)?$/i.exec(worker.model_name ?? "");
  return found ? `${found[1]} mL${found[2] ? " XR" : ""}` : (worker.model_name ?? "no model");
}

export function useMaxMl(worker: Reactor): number {
  const models = useModels().data;
  const model = models?.find((one) => one.model_name === worker.model_name && one.model_version === worker.model_version);
  return model?.reactor_max_fill_volume_ml ?? 18;
}

export function UnitCard({ worker, label, experiment, jobs }: Props) {
  const unit = worker.pioreactor_unit;
  const state = useTopic(monitor(unit, "$state"));
  const stroke = useUnitStrokes().strokeOf(unit);
  const maxMl = useMaxMl(worker);
  return (
    <article className={`panel ${css.card}`} aria-label={label ? `${label}, ${unit}` : unit} data-testid={`unit-${unit}`} data-away={state === "lost" || undefined}>
      <header className={css.cardHead}>
        <Swatch stroke={stroke} />
        <h2>{label ?? unit}</h2>
        {label && <span className="soft small">{unit}</span>}
        <span className={css.spring} />
        <span className="soft small">{modelName(worker)}</span>
        <StateBadge state={state} />
      </header>
      <Numbers unit={unit} experiment={experiment} color={stroke.color} />
      <VolumeBar unit={unit} experiment={experiment} maxMl={maxMl} />
      <ActivityGrid unit={unit} label={label} experiment={experiment} jobs={jobs} />
    </article>
  );
}
