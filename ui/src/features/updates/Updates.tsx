/** The software of all units: versions, release archives on the leader, and updates with their progress. */

import { Button, Checkbox, FileButton, Group, Modal, NativeSelect } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { ReleaseArchive } from "@/api/types";
import { EVERYONE } from "@/live/topics";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { Firmware } from "./Firmware";
import { PublishedReleases } from "./PublishedReleases";
import { type Answers, archivesOf, fetchStates, install, isBusy, rowsOf, unitsWithJobs, upload } from "./updates";
import css from "./updates.module.css";

const BUSY_MS = 2000;
const IDLE_MS = 20_000;

export default function Updates() {
  const client = useQueryClient();
  const states = useQuery({
    queryKey: ["updates"],
    queryFn: ({ signal }) => fetchStates(signal),
    refetchInterval: ({ state }) => (isBusy(state.data ?? {}) ? BUSY_MS : IDLE_MS),
  });
  const [chosen, setChosen] = useState<ReleaseArchive>();
  const [flashed, setFlashed] = useState<ReleaseArchive>();
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: ["updates"] });
  const sending = useMutation({ mutationFn: upload, onSuccess: refresh });
  const answers = states.data ?? {};
  return (
    <>
      <PageHeader
        title="Updates"
        about={<span>The software of the units</span>}
        actions={
          <FileButton accept=".zip" onChange={(file) => file && sending.mutate(file)}>
            {(props) => (
              <Needs call={["POST", "/api/system/upload"]}>
                <Button {...props} loading={sending.isPending} leftSection={<Icon name="plus" size={16} />}>
                  Upload archive
                </Button>
              </Needs>
            )}
          </FileButton>
        }
      />
      {sending.error && <Problem error={sending.error} />}
      {states.error ? (
        <Problem error={states.error} />
      ) : states.isPending ? (
        <Waiting what="versions" />
      ) : (
        <>
          <ul className={css.units} aria-label="Versions">
            {rowsOf(answers).map((row) => (
              <li key={row.unit} className={css.unit} data-tone={row.tone}>
                <strong>{row.unit}</strong>
                <span>{row.version}</span>
                <span className={css.text}>{row.text}</span>
              </li>
            ))}
          </ul>
          <Archives
            archives={archivesOf(answers)}
            onInstall={setChosen}
            onFirmware={setFlashed}
            isBusy={isBusy(answers)}
          />
          <PublishedReleases />
        </>
      )}
      {flashed && <Firmware archive={flashed} units={Object.keys(answers)} onClose={() => setFlashed(undefined)} />}
      {chosen && (
        <Install archive={chosen} answers={answers} onClose={() => setChosen(undefined)} onStarted={refresh} />
      )}
    </>
  );
}

interface ArchivesProps {
  archives: ReleaseArchive[];
  isBusy: boolean;
  onInstall: (archive: ReleaseArchive) => void;
  onFirmware: (archive: ReleaseArchive) => void;
}

function Archives({ archives, isBusy, onInstall, onFirmware }: ArchivesProps) {
  if (archives.length === 0)
    return (
      <Empty title="There is no release archive on the leader.">
        <p className="soft">Upload one (release_VERSION.zip), or plug in a USB drive that has it.</p>
      </Empty>
    );
  return (
    <ul className={css.archives} aria-label="Release archives">
      {archives.map((archive) => (
        <li key={archive.path} className="panel">
          <article className={css.archive} aria-label={`Version ${archive.version}`}>
            <div>
              <h2>
                {archive.version} <span className="soft small">{archive.channel}</span>
              </h2>
              <p className="soft small">
                {archive.released_at.slice(0, 10)} · {(archive.size_bytes / 1e6).toFixed(0)} MB ·{" "}
                {archive.is_on_usb ? "on a USB drive" : "on the leader"} · signature is good
              </p>
              {archive.notes && <p className={css.notes}>{archive.notes}</p>}
            </div>
            <Group gap="xs">
              {archive.has_firmware && (
                <Needs call={["POST", "/api/system/update_firmware"]}>
                  <Button size="xs" variant="default" disabled={isBusy} onClick={() => onFirmware(archive)}>
                    Firmware of {archive.version}
                  </Button>
                </Needs>
              )}
              <Needs call={["POST", "/api/system/update_from_archive"]}>
                <Button size="xs" disabled={isBusy} onClick={() => onInstall(archive)}>
                  Install {archive.version}
                </Button>
              </Needs>
            </Group>
          </article>
        </li>
      ))}
    </ul>
  );
}

interface InstallProps {
  archive: ReleaseArchive;
  answers: Answers;
  onClose: () => void;
  onStarted: () => Promise<void>;
}

function Install({ archive, answers, onClose, onStarted }: InstallProps) {
  const [units, setUnits] = useState(EVERYONE);
  const [evenWithJobs, setEvenWithJobs] = useState(false);
  const busy = unitsWithJobs(answers, units);
  const starting = useMutation({
    mutationFn: () => install(archive, units, evenWithJobs),
    onSuccess: async () => {
      await onStarted();
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Install version ${archive.version}`} size={520}>
      <div className={css.form}>
        <NativeSelect
          label="On"
          value={units}
          data={[
            { value: EVERYONE, label: "All units: the leader, then one after the other" },
            ...Object.keys(answers),
          ]}
          onChange={(event) => setUnits(event.currentTarget.value)}
        />
        <p className="soft small">
          It is installed beside the present version and tried on a copy of the data. A unit on which it does not work
          keeps the present version and all its data, and ends the update.
        </p>
        {busy.length > 0 && (
          <Checkbox
            label={`Although jobs run on ${busy.join(", ")}: they keep the version they were started with`}
            checked={evenWithJobs}
            onChange={(event) => setEvenWithJobs(event.currentTarget.checked)}
          />
        )}
        {starting.error && <Problem error={starting.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Needs call={["POST", "/api/system/update_from_archive"]}>
            <Button
              disabled={busy.length > 0 && !evenWithJobs}
              loading={starting.isPending}
              onClick={() => starting.mutate()}
            >
              Install
            </Button>
          </Needs>
        </Group>
      </div>
    </Modal>
  );
}
