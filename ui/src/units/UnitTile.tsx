/** A unit in a crowd, as a tile or on one line: the same truth in less room; a click opens its card. */

import { Modal } from "@mantine/core";
import { useState } from "react";
import type { JobDescriptor, Reactor } from "@/api/types";
import { Swatch } from "@/charts/Legend";
import { useUnitStrokes } from "@/charts/useLines";
import { useActivitySummary } from "@/control/ActivityGrid";
import { useNow, useReading, useSilentS, useTopic } from "@/live/hooks";
import { useRecords, waitLong } from "@/live/records";
import { bioreactor, monitor } from "@/live/topics";
import { duration, fixed, legible, many } from "@/parts/format";
import { Sparkline } from "@/parts/Sparkline";
import { StateMark } from "@/parts/StateBadge";
import { lastOf, useAge, useNumber, useSpark } from "./Numbers";
import { NUMBERS, type NumberSource } from "./numbers";
import { UnitCard } from "./UnitCard";
import css from "./units.module.css";

const [OD, GROWTH, TEMPERATURE] = NUMBERS as [NumberSource, NumberSource, NumberSource];

interface Props {
  worker: Reactor;
  label: string | undefined;
  experiment: string;
  jobs: readonly JobDescriptor[];
  /** On one line. */
  asRow?: boolean;
}

export function UnitTile({ asRow = false, ...props }: Props) {
  const { worker, label, experiment, jobs } = props;
  const unit = worker.pioreactor_unit;
  const [open, setOpen] = useState(false);
  const state = useTopic(monitor(unit, "$state"));
  const stroke = useUnitStrokes().strokeOf(unit);
  const growth = useNumber(GROWTH, unit, experiment);
  const temperature = useNumber(TEMPERATURE, unit, experiment);
  const volume = useReading(bioreactor(unit, experiment, "current_volume_ml"))?.value;
  const spark = useSpark(OD, unit, experiment);
  const published = useNumber(OD, unit, experiment);
  const od = published ?? lastOf(spark);
  const now = useNow(10);
  const silentS = useSilentS(unit, experiment);
  const away = state === "lost" || silentS > 0;
  const { age, old } = useAge(od, OD, unit, experiment, away);
  const oldGrowth = useAge(growth, GROWTH, unit, experiment, away).old;
  const oldTemperature = useAge(temperature, TEMPERATURE, unit, experiment, away).old;
  const activities = useActivitySummary(unit, experiment, jobs);
  const records = useRecords(unit);
  const summary =
    records && waitLong(records, now) ? many(records.waiting, "record waits", "records wait") : activities;
  return (
    <>
      <button
        type="button"
        className={`panel ${css.tile} ${asRow ? css.rowTile : ""}`}
        onClick={() => setOpen(true)}
        aria-haspopup="dialog"
        data-testid={`unit-${unit}`}
      >
        <span className={css.tileHead}>
          <Swatch stroke={stroke} />
          <strong className={css.tileName}>{label ?? unit}</strong>
          <StateMark state={state} silentS={silentS} />
        </span>
        <span className={css.tileOd}>
          <span className={`num ${css.tileValue} ${old ? css.old : ""}`} data-old={old || undefined}>
            {od ? legible(od.value, 3) : "–"}
          </span>
          <Sparkline x={spark.x} y={spark.y} color={old ? "var(--line-strong)" : stroke.color} least={OD.least} />
        </span>
        <span className={`num ${css.tileNumbers}`}>
          <span className={oldGrowth ? css.old : ""}>{growth ? `${fixed(growth.value, 2)} /h` : "– /h"}</span>
          <span className={oldTemperature ? css.old : ""}>
            {temperature ? `${fixed(temperature.value, 1)} °C` : "– °C"}
          </span>
          <span className={away ? css.old : ""}>{volume === undefined ? "– mL" : `${fixed(volume, 1)} mL`}</span>
        </span>
        <span className={`small soft ${css.tileFoot}`}>
          {old && age > 0 ? `${summary}; OD ${duration(age)} old` : summary}
        </span>
      </button>
      <Modal opened={open} onClose={() => setOpen(false)} title={label ?? unit} size={420}>
        <UnitCard {...props} />
      </Modal>
    </>
  );
}
