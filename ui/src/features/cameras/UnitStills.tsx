/** All stills of one unit: looked at, renamed, pinned, deleted, fetched as an archive. */

import { Button, Switch } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { ask, path } from "@/api/client";
import { useLabels } from "@/api/queries";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { StillDialog } from "@/stills/StillDialog";
import { archivePath, camerasKey, filmPath, useCameras, useStills } from "@/stills/stills";
import css from "./cameras.module.css";
import { cameraText } from "./cameraText";
import { LiveView } from "./LiveView";
import { StillCard } from "./StillCard";
import { TakeStill } from "./TakeStill";

/** Shown at first; a month of stills is more than a page should load. */
const AT_ONCE = 60;

export function UnitStills({ experiment }: { experiment: string }) {
  const { unit = "" } = useParams();
  const label = useLabels(experiment).data?.[unit] ?? unit;
  const camera = useCameras(experiment, [unit]).data?.find((one) => one.unit === unit);
  const stills = useStills(unit, experiment);
  const [opened, setOpened] = useState<string>();
  const [most, setMost] = useState(AT_ONCE);
  const newestFirst = [...(stills.data ?? [])].reverse();
  return (
    <>
      <PageHeader
        title={`Stills of ${label}`}
        about={
          <>
            <Link to="/cameras">All cameras</Link>
            {stills.data && <span>{count(stills.data.length, "still")}</span>}
            {camera?.status && (
              <AutoCapture unit={unit} experiment={experiment} enabled={camera.status.auto_capture_enabled} />
            )}
          </>
        }
        actions={
          <>
            {newestFirst.length > 0 && (
              <Button
                variant="default"
                component="a"
                href={archivePath(unit, experiment)}
                download
                leftSection={<Icon name="download" size={16} />}
              >
                Archive
              </Button>
            )}
            {newestFirst.length > 1 && <Film unit={unit} experiment={experiment} />}
            <TakeStill unit={unit} label={label} experiment={experiment} />
          </>
        }
      />
      {camera?.status?.enabled && camera.status.runtime_available && (
        <LiveView unit={unit} label={label} experiment={experiment} status={camera.status} />
      )}
      {stills.error ? (
        <Problem error={stills.error} />
      ) : stills.isPending ? (
        <Waiting what="stills" />
      ) : newestFirst.length === 0 ? (
        <Empty title={camera ? cameraText(camera) : "No stills yet."} />
      ) : (
        <ul className={css.stills}>
          {newestFirst.slice(0, most).map((still) => (
            <StillCard
              key={still.image_id}
              still={still}
              unit={unit}
              label={label}
              experiment={experiment}
              onOpen={() => setOpened(still.image_id)}
            />
          ))}
        </ul>
      )}
      {newestFirst.length > most && (
        <Button variant="default" mt="md" onClick={() => setMost(most + AT_ONCE)}>
          Show older stills
        </Button>
      )}
      <StillDialog
        stills={stills.data ?? []}
        shown={opened}
        unit={unit}
        label={label}
        experiment={experiment}
        onShow={setOpened}
      />
    </>
  );
}

/** Makes a film of all stills and offers it. */
function Film({ unit, experiment }: { unit: string; experiment: string }) {
  const making = useMutation({
    mutationFn: () => ask("POST", filmPath(unit, experiment), undefined, { everyMs: 1000, attempts: 1800 }),
  });
  const film = making.data as { filename: string } | undefined;
  if (film)
    return (
      <Button variant="default" component="a" href={path("exports", film.filename)} download>
        Save film
      </Button>
    );
  return (
    <>
      <Needs call={["POST", filmPath(unit, experiment)]}>
        <Button variant="default" loading={making.isPending} onClick={() => making.mutate()}>
          Make film
        </Button>
      </Needs>
      {making.error && <Problem error={making.error} />}
    </>
  );
}

function AutoCapture({ unit, experiment, enabled }: { unit: string; experiment: string; enabled: boolean }) {
  const client = useQueryClient();
  const choosing = useMutation({
    mutationFn: (auto_capture_enabled: boolean) =>
      ask("PATCH", path("api", "workers", unit, "camera", "settings"), { auto_capture_enabled }),
    onSettled: () => client.invalidateQueries({ queryKey: camerasKey(experiment) }),
  });
  return (
    <>
      <Needs call={["PATCH", path("api", "workers", unit, "camera", "settings")]}>
        <Switch
          label="Stills by schedule"
          checked={choosing.isPending ? choosing.variables : enabled}
          disabled={choosing.isPending}
          onChange={(event) => choosing.mutate(event.currentTarget.checked)}
        />
      </Needs>
      {choosing.error && <Problem error={choosing.error} />}
    </>
  );
}
