/** The vial's volume as a level against the efflux tube and the most it may hold, and the last dose. */

import { useMemo, useState } from "react";
import { useNow, useReading, useStream, useTopic } from "@/live/hooks";
import { momentOf } from "@/live/store";
import { bioreactor } from "@/live/topics";
import { duration, fixed } from "@/parts/format";
import css from "./units.module.css";

interface Props {
  unit: string;
  experiment: string;
  maxMl: number;
}

const WORDS: Record<string, string> = {
  add_media: "media in",
  add_alt_media: "alt. media in",
  remove_waste: "waste out",
};

function LastDose({ unit, experiment }: { unit: string; experiment: string }) {
  const last = useTopic(`pioreactor/${unit}/${experiment}/dosing_events`);
  const [added, setAdded] = useState<string>();
  // An exchange ends with waste; what went in is what people ask for.
  useStream(`pioreactor/${unit}/${experiment}/dosing_events`, (messages) => {
    const add = messages.findLast(({ payload }) => payload.includes('"add_'));
    if (add) setAdded(add.payload);
  });
  const payload = added ?? last;
  const now = useNow(10);
  const dose = useMemo(() => {
    if (payload === undefined) return undefined;
    try {
      const { volume_change, event } = JSON.parse(payload) as { volume_change: number; event: string };
      return { ml: volume_change, event, at: momentOf(payload) };
    } catch {
      return undefined;
    }
  }, [payload]);
  if (!dose) return null;
  return (
    <span className="soft num">
      {fixed(dose.ml, 2)} mL {WORDS[dose.event] ?? dose.event.replaceAll("_", " ")}
      {dose.at !== undefined && `, ${duration(now - dose.at)} ago`}
    </span>
  );
}

export function VolumeBar({ unit, experiment, maxMl }: Props) {
  const volume = useReading(bioreactor(unit, experiment, "current_volume_ml"))?.value;
  const efflux = useReading(bioreactor(unit, experiment, "efflux_tube_volume_ml"))?.value;
  if (volume === undefined) return null;
  const share = (ml: number): string => `${Math.min(100, Math.max(0, (100 * ml) / maxMl)).toFixed(1)}%`;
  return (
    <div className={css.volume}>
      <div className={css.volumeWords}>
        <span className="num">
          <strong>{fixed(volume, 1)}</strong> <span className="soft">of {fixed(maxMl, 0)} mL</span>
        </span>
        <LastDose unit={unit} experiment={experiment} />
      </div>
      <div
        className={css.level}
        role="meter"
        aria-label="Volume"
        aria-valuemin={0}
        aria-valuemax={maxMl}
        aria-valuenow={volume}
        aria-valuetext={`${fixed(volume, 1)} of ${fixed(maxMl, 0)} mL`}
      >
        <div className={css.liquid} style={{ width: share(volume) }} data-high={volume >= 0.95 * maxMl || undefined} />
        {efflux !== undefined && (
          <div className={css.efflux} style={{ left: share(efflux) }} title={`Efflux tube at ${fixed(efflux, 1)} mL`} />
        )}
      </div>
    </div>
  );
}
