/** Stills of the units under the charts, each at its moment on their time axis. */

import { useEffect, useRef, useState } from "react";
import { useAxis, writeMoment } from "@/charts/axis";
import { StillDialog } from "./StillDialog";
import { imageOf, placed, takenAt, useCameras, useStills } from "./stills";
import css from "./stills.module.css";

const SIZE_PX = 54;
/** More strips than these are no comparison any more; the page Cameras has all. */
const MAX_STRIPS = 6;

interface Props {
  experiment: string;
  labels: Record<string, string>;
  hidden: ReadonlySet<string>;
  unit?: string | undefined;
}

export function StillStrips({ experiment, labels, hidden, unit }: Props) {
  const cameras = useCameras(experiment, unit === undefined ? [] : [unit]).data ?? [];
  const shown = cameras.filter(
    ({ unit: one, status }) => status?.latest_still && (unit === undefined ? !hidden.has(one) : one === unit),
  );
  if (shown.length === 0) return null;
  return (
    <section className={`panel ${css.strips}`} aria-label="Stills">
      <h2>Stills</h2>
      {shown.slice(0, MAX_STRIPS).map(({ unit: one }) => (
        <Strip key={one} unit={one} label={labels[one] ?? one} experiment={experiment} named={unit === undefined} />
      ))}
      {shown.length > MAX_STRIPS && (
        <p className="soft small">{shown.length - MAX_STRIPS} more units are on the page Cameras.</p>
      )}
    </section>
  );
}

interface StripProps {
  unit: string;
  label: string;
  experiment: string;
  named: boolean;
}

function Strip({ unit, label, experiment, named }: StripProps) {
  const { axis } = useAxis();
  const stills = useStills(unit, experiment).data ?? [];
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [opened, setOpened] = useState<string>();
  useEffect(() => {
    const seen = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    if (box.current) seen.observe(box.current);
    return () => seen.disconnect();
  }, []);
  const found = width > SIZE_PX ? placed(stills, axis.range(), width, SIZE_PX) : [];
  return (
    <div>
      {named && <h3 className={css.unit}>{label}</h3>}
      <div ref={box} className={css.strip}>
        {found.map(({ still, left }) => (
          <button
            key={still.image_id}
            type="button"
            className={css.thumb}
            style={{ left, width: SIZE_PX }}
            aria-label={`${label} at ${writeMoment(axis, takenAt(still))}`}
            title={writeMoment(axis, takenAt(still))}
            onClick={() => setOpened(still.image_id)}
          >
            <img src={imageOf(unit, experiment, still)} alt="" loading="lazy" decoding="async" />
          </button>
        ))}
        {width > 0 && found.length === 0 && <p className="soft small">No stills in this window.</p>}
      </div>
      <StillDialog
        stills={stills}
        shown={opened}
        unit={unit}
        label={label}
        experiment={experiment}
        onShow={setOpened}
      />
    </div>
  );
}
