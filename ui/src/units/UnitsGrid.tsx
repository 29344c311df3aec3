/** Units side by side: cards while there is room, tiles when there are more, lines when there are many. */

import { Button, NativeSelect, SegmentedControl, TextInput } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useState } from "react";
import type { JobDescriptor, Reactor } from "@/api/types";
import { useFilters } from "@/parts/filters";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { NearView } from "@/parts/NearView";
import { recall, remember } from "@/parts/remembered";
import { arrangementFor, isArrangement, SHOWN, type Shown, selected } from "./selection";
import { UnitCard } from "./UnitCard";
import { UnitTile } from "./UnitTile";
import css from "./units.module.css";
import { useConditions } from "./useConditions";

/** With fewer units there is nothing to search. */
const SEARCHED_FROM = 7;
/** Rows on a phone before a person asks for all: the first chart is within two screens. */
const ROWS_ON_PHONE = 12;
/** Of a unit that is not built yet [px]. */
const HEIGHT_PX = { cards: 330, tiles: 116, rows: 28 };
const REMEMBERED = "pioreactor.arrangement";

interface Props {
  reactors: readonly Reactor[];
  labels: Record<string, string>;
  experiment: string;
  jobs: readonly JobDescriptor[];
}

export function UnitsGrid({ reactors, labels, experiment, jobs }: Props) {
  const isPhone = useMediaQuery("(width <= 800px)", undefined, { getInitialValueInEffect: false }) ?? false;
  const [kept, keep] = useState(() => recall(REMEMBERED));
  const [params, set] = useFilters();
  const conditions = useConditions(
    reactors.map((one) => one.pioreactor_unit),
    experiment,
    jobs,
  );
  const arrangement = isArrangement(kept) ? kept : arrangementFor(reactors.length, isPhone);
  const text = params.get("find") ?? "";
  const show = SHOWN.find(({ value }) => value === params.get("show"))?.value ?? "all";
  const found = selected(reactors, labels, conditions, { text, show });
  const chosen = reactors.length >= SEARCHED_FROM ? found : reactors;
  const [all, showAll] = useState(false);
  const folded = isPhone && arrangement === "rows" && !all && chosen.length > ROWS_ON_PHONE;
  return (
    <section aria-label="Units of the experiment">
      {reactors.length >= SEARCHED_FROM && (
        <div className={css.tools} role="group" aria-label="Which units">
          <TextInput
            size="xs"
            aria-label="Find a unit"
            placeholder="Find a unit"
            leftSection={<Icon name="search" size={15} />}
            value={text}
            onChange={(event) => set("find", event.currentTarget.value)}
          />
          <NativeSelect
            size="xs"
            aria-label="Show units"
            value={show}
            data={SHOWN}
            onChange={(event) =>
              set("show", event.currentTarget.value === "all" ? "" : (event.currentTarget.value as Shown))
            }
          />
          <SegmentedControl
            size="xs"
            aria-label="Units as"
            value={arrangement}
            data={[
              { value: "cards", label: "Cards" },
              { value: "tiles", label: "Tiles" },
              { value: "rows", label: "Rows" },
            ]}
            onChange={(value) => {
              remember(REMEMBERED, value);
              keep(value);
            }}
          />
          <span className="soft small" role="status">
            {chosen.length < reactors.length && `${chosen.length} of ${count(reactors.length, "unit")}`}
          </span>
        </div>
      )}
      <ul className={css[arrangement]} aria-label="Units">
        {(folded ? chosen.slice(0, ROWS_ON_PHONE) : chosen).map((worker) => {
          const unit = { worker, label: labels[worker.pioreactor_unit], experiment, jobs };
          return (
            <NearView
              key={worker.pioreactor_unit}
              name={unit.label ?? worker.pioreactor_unit}
              heightPx={HEIGHT_PX[arrangement]}
              count={reactors.length}
            >
              {() =>
                arrangement === "cards" ? <UnitCard {...unit} /> : <UnitTile {...unit} asRow={arrangement === "rows"} />
              }
            </NearView>
          );
        })}
      </ul>
      {folded && (
        <Button variant="default" size="compact-sm" mb={12} fullWidth onClick={() => showAll(true)}>
          Show all {count(chosen.length, "unit")}
        </Button>
      )}
      {chosen.length === 0 && <p className={`soft ${css.none}`}>No unit fits. Clear the search to see all.</p>}
    </section>
  );
}
