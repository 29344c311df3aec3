/** Units side by side: cards while there is room, tiles when there are many. */

import type { JobDescriptor, Reactor } from "@/api/types";
import { UnitCard } from "./UnitCard";
import { UnitTile } from "./UnitTile";
import css from "./units.module.css";

/** More units than this are shown as tiles. */
const CARDS_AT_MOST = 8;

interface Props {
  reactors: readonly Reactor[];
  labels: Record<string, string>;
  experiment: string;
  jobs: readonly JobDescriptor[];
}

export function UnitsGrid({ reactors, labels, experiment, jobs }: Props) {
  const crowded = reactors.length > CARDS_AT_MOST;
  const Unit = crowded ? UnitTile : UnitCard;
  return (
    <ul className={crowded ? css.tiles : css.cards} aria-label="Units">
      {reactors.map((worker) => (
        <li key={worker.pioreactor_unit}>
          <Unit worker={worker} label={labels[worker.pioreactor_unit]} experiment={experiment} jobs={jobs} />
        </li>
      ))}
    </ul>
  );
}
