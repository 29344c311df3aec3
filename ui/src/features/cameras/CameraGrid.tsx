/** The units' vials side by side, all at one moment that a slider chooses. */

import { useCallback, useEffect, useState } from "react";
import { Link } from "react-router";
import { useLabels } from "@/api/queries";
import { moment } from "@/parts/format";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { type CameraOf, imageOf, nearest, takenAt, useCameras, useStills } from "@/stills/stills";
import css from "./cameras.module.css";
import { cameraText, extentOf } from "./cameraText";
import { TakeStill } from "./TakeStill";

const STEPS = 1000;

export function CameraGrid({ experiment }: { experiment: string }) {
  const known = useCameras(experiment).data ?? [];
  const cameras = useCameras(
    experiment,
    known.map(({ unit }) => unit),
  );
  const labels = useLabels(experiment).data ?? {};
  const [step, setStep] = useState(STEPS);
  const [extents, setExtents] = useState<ReadonlyMap<string, [number, number]>>(new Map());
  const extent = extentOf([...extents.values()]);
  const at = step === STEPS || !extent ? undefined : extent[0] + (step / STEPS) * (extent[1] - extent[0]);
  const covers = useCallback(
    (unit: string, found: [number, number]) =>
      setExtents((before) =>
        String(before.get(unit)) === String(found) ? before : new Map([...before, [unit, found]]),
      ),
    [],
  );
  return (
    <>
      <PageHeader title="Cameras" about={<span>Vials side by side, at one moment</span>} />
      {cameras.error ? (
        <Problem error={cameras.error} />
      ) : cameras.isPending ? (
        <Waiting what="cameras" />
      ) : cameras.data.length === 0 ? (
        <Empty title="No unit is assigned to this experiment." />
      ) : (
        <>
          {extent && (
            <div className={`panel ${css.time}`}>
              <span className="num">{at === undefined ? "Newest stills" : moment(at)}</span>
              <input
                type="range"
                className={css.slider}
                aria-label="Moment shown"
                aria-valuetext={at === undefined ? "Newest stills" : moment(at)}
                min={0}
                max={STEPS}
                value={step}
                onChange={(event) => setStep(Number(event.currentTarget.value))}
              />
            </div>
          )}
          <ul className={css.grid}>
            {cameras.data.map((camera) => (
              <Camera
                key={camera.unit}
                camera={camera}
                label={labels[camera.unit] ?? camera.unit}
                experiment={experiment}
                at={at}
                onExtent={covers}
              />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

interface CameraProps {
  camera: CameraOf;
  label: string;
  experiment: string;
  /** The moment [s] that is shown; undefined for the newest still. */
  at: number | undefined;
  onExtent: (unit: string, extent: [number, number]) => void;
}

function Camera({ camera, label, experiment, at, onExtent }: CameraProps) {
  const { unit, status } = camera;
  const newest = status?.latest_still ?? undefined;
  return (
    <li className={`panel ${css.card}`}>
      <h2>
        <Link to={`/cameras/${encodeURIComponent(unit)}`}>{label}</Link>
      </h2>
      {newest ? (
        <Picture unit={unit} label={label} experiment={experiment} at={at} onExtent={onExtent} />
      ) : (
        <div className={css.nothing}>
          <p className="soft">{cameraText(camera)}</p>
        </div>
      )}
      {status && <TakeStill unit={unit} label={label} experiment={experiment} />}
    </li>
  );
}

function Picture({ unit, label, experiment, at, onExtent }: Omit<CameraProps, "camera"> & { unit: string }) {
  const stills = useStills(unit, experiment).data ?? [];
  const [first, last] = [stills[0], stills[stills.length - 1]];
  const [from, to] = [first && takenAt(first), last && takenAt(last)];
  useEffect(() => {
    if (from !== undefined && to !== undefined) onExtent(unit, [from, to]);
  }, [unit, from, to, onExtent]);
  const still = at === undefined ? last : nearest(stills, at);
  if (!still) return <div className={css.nothing} />;
  return (
    <figure className={css.picture}>
      <img src={imageOf(unit, experiment, still)} alt={`The vial of ${label}`} width={480} height={640} />
      <figcaption className="soft small num">{moment(takenAt(still))}</figcaption>
    </figure>
  );
}
