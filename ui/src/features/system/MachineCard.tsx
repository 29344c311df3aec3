/** One machine: its facts, its log, its backups, and what can be done with it. */

import { Button, Menu, Modal } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask, get, path } from "@/api/client";
import type { Machine, UsbState } from "@/api/types";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem, Waiting } from "@/parts/Problem";
import { UsbDrives } from "@/parts/UsbDrives";
import { AccessPointDialog } from "./AccessPointDialog";
import { FilesDialog } from "./FilesDialog";
import { backupText, type DataAction, LONG, MachineDataDialog } from "./MachineData";
import { factsOf, gigabytes } from "./machine";
import { type PowerAction, PowerDialog } from "./PowerDialog";
import css from "./system.module.css";

const REFRESH_MS = 15_000;

export function MachineCard({ unit }: { unit: string }) {
  const machine = useQuery({
    queryKey: ["machine", unit],
    queryFn: ({ signal }) => get<Machine>(path("api", "units", unit, "system", "machine"), signal),
    refetchInterval: REFRESH_MS,
  });
  const [power, setPower] = useState<PowerAction>();
  const [dataAction, setDataAction] = useState<DataAction>();
  const [isReading, setIsReading] = useState(false);
  const [isNetworking, setIsNetworking] = useState(false);
  const [isFiling, setIsFiling] = useState(false);
  const backingUp = useMutation({
    mutationFn: () => ask("POST", "/api/backups", undefined, LONG),
    onSettled: () => machine.refetch(),
  });
  const renewing = useMutation({
    mutationFn: () => ask("POST", path("api", "units", unit, "system", "certificates", "renew"), undefined, LONG),
    onSettled: () => machine.refetch(),
  });
  const found = machine.data;
  return (
    <article className={`panel ${css.card}`} aria-label={unit}>
      <header className={css.head}>
        <h2>
          {unit} {found?.is_leader && <span className="soft">leader</span>}
        </h2>
        <Menu position="bottom-end">
          <Menu.Target>
            <Button variant="default" px={8} size="xs" aria-label={`Actions of ${unit}`}>
              <Icon name="dots" />
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => setIsReading(true)}>Show log</Menu.Item>
            {found?.is_leader && (
              <Needs call={["POST", "/api/backups"]}>
                <Menu.Item onClick={() => backingUp.mutate()}>Make a backup</Menu.Item>
              </Needs>
            )}
            {found?.is_leader && (
              <Needs call={["POST", "/api/backups/restore"]}>
                <Menu.Item onClick={() => setDataAction("restore")}>Restore a backup…</Menu.Item>
              </Needs>
            )}
            {found?.is_leader && (
              <Needs call={["POST", "/api/local_access_point/start"]}>
                <Menu.Item onClick={() => setIsNetworking(true)}>Own Wi-Fi network…</Menu.Item>
              </Needs>
            )}
            <Menu.Item component="a" href={path("api", "units", unit, "zipped_dot_pioreactor")} download>
              Save as archive
            </Menu.Item>
            <Needs call={["POST", path("api", "units", unit, "import_zipped_dot_pioreactor")]}>
              <Menu.Item onClick={() => setDataAction("replace")}>Replace from an archive…</Menu.Item>
            </Needs>
            <Needs call={["DELETE", path("api", "units", unit, "import_zipped_dot_pioreactor")]}>
              <Menu.Item onClick={() => setDataAction("undo")}>Undo the last import…</Menu.Item>
            </Needs>
            <Needs call={["POST", path("api", "units", unit, "system", "remove_file")]}>
              <Menu.Item onClick={() => setIsFiling(true)}>Files…</Menu.Item>
            </Needs>
            <Needs call={["POST", path("api", "units", unit, "system", "repair")]}>
              <Menu.Item onClick={() => setDataAction("repair")}>Repair…</Menu.Item>
            </Needs>
            {found && found.certificates.length > 0 && (
              <Needs call={["POST", path("api", "units", unit, "system", "certificates", "renew")]}>
                <Menu.Item onClick={() => renewing.mutate()}>Renew certificates</Menu.Item>
              </Needs>
            )}
            <Needs call={["POST", `${path("api", "units", unit, "system")}/web_server/restart`]}>
              <Menu.Item onClick={() => setPower("restart")}>Restart web server…</Menu.Item>
            </Needs>
            <Needs call={["POST", path("api", "units", unit, "system", "reboot")]}>
              <Menu.Item color="var(--lost)" onClick={() => setPower("reboot")}>
                Reboot…
              </Menu.Item>
            </Needs>
            <Needs call={["POST", path("api", "units", unit, "system", "shutdown")]}>
              <Menu.Item color="var(--lost)" onClick={() => setPower("shutdown")}>
                Shut down…
              </Menu.Item>
            </Needs>
          </Menu.Dropdown>
        </Menu>
      </header>
      {machine.error ? (
        <Problem error={machine.error} />
      ) : found ? (
        <>
          <Facts machine={found} />
          <Drives unit={unit} />
        </>
      ) : (
        <Waiting what="its state" />
      )}
      {backingUp.error && <Problem error={backingUp.error} />}
      {renewing.error && <Problem error={renewing.error} />}
      <p role="status" className="soft small">
        {renewing.isPending ? "Renewing certificates… " : renewing.isSuccess ? "Certificates renewed. " : ""}
        {backingUp.isPending ? "Making a backup…" : backingUp.isSuccess ? backupText(backingUp.data) : ""}
      </p>
      <MachineDataDialog unit={unit} action={dataAction} onClose={() => setDataAction(undefined)} />
      <PowerDialog
        unit={unit}
        action={power}
        activities={found?.activities ?? []}
        onClose={() => setPower(undefined)}
      />
      <FilesDialog unit={unit} opened={isFiling} onClose={() => setIsFiling(false)} />
      <AccessPointDialog opened={isNetworking} onClose={() => setIsNetworking(false)} />
      <Modal opened={isReading} onClose={() => setIsReading(false)} title={`Log of ${unit}`} size="xl">
        {isReading && <LogText unit={unit} />}
      </Modal>
    </article>
  );
}

function Facts({ machine }: { machine: Machine }) {
  const [newest] = machine.backups;
  return (
    <dl className={css.facts}>
      {factsOf(machine, Date.now() / 1000).map(({ name, text, warning }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="num">
            {text}
            {warning && (
              <span className={css.warning}>
                <Icon name="lost" size={14} /> {warning}
              </span>
            )}
          </dd>
        </div>
      ))}
      {(machine.is_leader || newest) && (
        <div>
          <dt>Backups</dt>
          <dd>
            {newest
              ? `${count(machine.backups.length, "backup")}, newest ${newest.name} (${gigabytes(newest.size_bytes)})`
              : "none yet"}
          </dd>
        </div>
      )}
    </dl>
  );
}

/** The USB drives that are plugged into the machine, while there are any. */
function Drives({ unit }: { unit: string }) {
  const where = path("api", "units", unit, "usb");
  const usb = useQuery({
    queryKey: ["usb", unit],
    queryFn: ({ signal }) => get<UsbState>(where, signal),
    refetchInterval: REFRESH_MS,
  });
  if (!usb.data || usb.data.status === "absent") return null;
  return (
    <dl className={css.facts}>
      <div>
        <dt>USB drives</dt>
        <dd>
          <UsbDrives state={usb.data} where={where} onChanged={usb.refetch} />
        </dd>
      </div>
    </dl>
  );
}

function LogText({ unit }: { unit: string }) {
  const log = useQuery({
    queryKey: ["machine", unit, "log"],
    queryFn: ({ signal }) => get<string>(path("api", "units", unit, "system", "log"), signal),
    staleTime: 0,
  });
  if (log.error) return <Problem error={log.error} />;
  if (log.isPending) return <Waiting what="the log" />;
  return (
    <textarea
      readOnly
      className={css.log}
      aria-label="End of the log"
      value={log.data === "" ? "The log is empty." : log.data}
    />
  );
}
