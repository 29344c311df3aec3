/** One glance, one unit: who it is, how it is, what it does, what it measures. */

import { Link } from "react-router";
import type { JobDescriptor, Reactor } from "@/api/types";
import { Swatch } from "@/charts/Legend";
import { useUnitStrokes } from "@/charts/useLines";
import { ActivityGrid } from "@/control/ActivityGrid";
import { useSilentS, useTopic } from "@/live/hooks";
import { monitor } from "@/live/topics";
import { StateBadge } from "@/parts/StateBadge";
import { Dilution } from "./Dilution";
import { modelName, useModel } from "./models";
import { Numbers } from "./Numbers";
import { RecordsLine } from "./RecordsLine";
import css from "./units.module.css";
import { VolumeBar } from "./VolumeBar";

interface Props {
  worker: Reactor;
  label: string | undefined;
  experiment: string;
  jobs: readonly JobDescriptor[];
}

export function UnitCard({ worker, label, experiment, jobs }: Props) {
  const unit = worker.pioreactor_unit;
  const state = useTopic(monitor(unit, "$state"));
  const silentS = useSilentS(unit, experiment);
  const away = state === "lost" || silentS > 0;
  const stroke = useUnitStrokes().strokeOf(unit);
  const maxMl = useModel(worker)?.reactor_max_fill_volume_ml;
  return (
    <article
      className={`panel ${css.card}`}
      aria-label={label ? `${label}, ${unit}` : unit}
      data-testid={`unit-${unit}`}
      data-away={away || undefined}
    >
      <header className={css.cardHead}>
        <Swatch stroke={stroke} />
        <h2>
          <Link to={`/pioreactors/${unit}`}>{label ?? unit}</Link>
        </h2>
        {label && <span className="soft small">{unit}</span>}
        <span className={css.spring} />
        <span className="soft small">{modelName(worker)}</span>
        <StateBadge state={state} silentS={silentS} />
      </header>
      <Numbers unit={unit} experiment={experiment} color={stroke.color} away={away} />
      {maxMl !== undefined && <VolumeBar unit={unit} experiment={experiment} maxMl={maxMl} />}
      <Dilution unit={unit} experiment={experiment} />
      <ActivityGrid unit={unit} label={label} experiment={experiment} jobs={jobs} />
      <RecordsLine unit={unit} away={away} />
    </article>
  );
}
