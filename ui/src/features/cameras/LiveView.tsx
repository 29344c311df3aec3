/** What the camera sees now, while a person looks, and the position of its lens. */

import { Button, Group, NumberInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { ask, get, path, request } from "@/api/client";
import type { CameraStatus, LiveView as Live } from "@/api/types";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import { camerasKey } from "@/stills/stills";
import css from "./cameras.module.css";

/** Time between two questions for the newest picture; a unit takes one about every second. */
const EVERY_MS = 1000;

interface Props {
  unit: string;
  label: string;
  experiment: string;
  status: CameraStatus;
}

export function LiveView({ unit, label, experiment, status }: Props) {
  const where = path("api", "workers", unit, "camera", "live_view");
  const key = ["live view", unit];
  const client = useQueryClient();
  const [isOn, setOn] = useState(false);
  const starting = useMutation({
    mutationFn: () => request<Live>("POST", where),
    onSuccess: (live) => {
      client.setQueryData(key, live);
      setOn(true);
    },
  });
  const live = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => get<Live>(where, signal),
    enabled: isOn,
    // Not while the page is in the background: the unit ends the live view when no browser asks for it.
    refetchInterval: EVERY_MS,
    staleTime: 0,
    gcTime: 0,
  });
  const ended = isOn && live.data !== undefined && !live.data.is_on;
  useEffect(() => {
    if (ended) setOn(false);
  }, [ended]);
  useEffect(() => {
    if (!isOn) return;
    return () => void request("DELETE", where).catch(() => undefined);
  }, [isOn, where]);
  const shown = isOn ? live.data : undefined;
  return (
    <section className={`panel ${css.live}`} aria-label="Live view">
      {shown && shown.frame > 0 && (
        <figure className={css.livePicture}>
          <img src={`${where}.jpg?${shown.frame}`} alt={`The vial of ${label} now`} width={480} height={640} />
          <figcaption className="soft small num">
            Picture {shown.frame}
            {shown.sharpness !== null && `, sharpness ${shown.sharpness}`}
          </figcaption>
        </figure>
      )}
      <div className={css.liveControls}>
        <h2>Live view</h2>
        <p className="soft small">
          A picture about every second, while OD is read one after each reading. It ends when this page is left, and
          after 4 min.
        </p>
        <Group>
          {isOn ? (
            <Button variant="default" leftSection={<Icon name="stop" size={16} />} onClick={() => setOn(false)}>
              Stop the live view
            </Button>
          ) : (
            <Needs call={["POST", where]}>
              <Button
                variant="default"
                leftSection={<Icon name="camera" size={16} />}
                loading={starting.isPending}
                onClick={() => starting.mutate()}
              >
                Show live
              </Button>
            </Needs>
          )}
          {isOn && (!shown || shown.frame === 0) && <span role="status">Waiting for the first picture…</span>}
        </Group>
        {starting.error && <Problem error={starting.error} />}
        {live.error && <Problem error={live.error} />}
        {live.data?.problem && (
          <p role="alert">
            {live.data.problem}. {live.data.remedy}
          </p>
        )}
        {status.lens && <Lens unit={unit} experiment={experiment} lens={status.lens} position={status.lens_position} />}
      </div>
    </section>
  );
}

interface LensProps {
  unit: string;
  experiment: string;
  lens: NonNullable<CameraStatus["lens"]>;
  position: CameraStatus["lens_position"];
}

function Lens({ unit, experiment, lens, position }: LensProps) {
  const settings = path("api", "workers", unit, "camera", "settings");
  const client = useQueryClient();
  const [text, setText] = useState<number | string>(position ?? "");
  const moving = useMutation({
    mutationFn: (lens_position: number | null) => ask("PATCH", settings, { lens_position }),
    onSettled: () => client.invalidateQueries({ queryKey: camerasKey(experiment) }),
  });
  const chosen = text === "" ? undefined : Number(text);
  const isOutside = chosen !== undefined && !(chosen >= lens.min && chosen <= lens.max);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (chosen !== undefined && !isOutside) moving.mutate(chosen);
      }}
    >
      <NumberInput
        label="Lens position"
        description={`${lens.min} to ${lens.max} ${lens.unit}${lens.unit === "dpt" ? "; 0 is far away" : ""}. ${
          position === null || position === undefined ? "The camera chooses." : `It is at ${position}.`
        }`}
        value={text}
        onChange={setText}
        step={lens.step}
        error={isOutside && `From ${lens.min} to ${lens.max}`}
        maw={280}
      />
      <Group mt="xs">
        <Needs call={["PATCH", settings]}>
          <Button
            type="submit"
            variant="default"
            loading={moving.isPending}
            disabled={chosen === undefined || isOutside || chosen === position}
          >
            Move the lens
          </Button>
        </Needs>
        {position !== null && position !== undefined && (
          <Needs call={["PATCH", settings]}>
            <Button
              variant="subtle"
              disabled={moving.isPending}
              onClick={() => {
                setText("");
                moving.mutate(null);
              }}
            >
              Let the camera choose
            </Button>
          </Needs>
        )}
      </Group>
      {moving.error && <Problem error={moving.error} />}
    </form>
  );
}
