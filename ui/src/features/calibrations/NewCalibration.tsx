/** Choose what is calibrated on which unit, and see what has to be ready. */

import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "react-router";
import { finished, get, path, Refused, request } from "@/api/client";
import { useAssigned, useJobDescriptors, useLabels, useWorkers } from "@/api/queries";
import type { TaskAccepted, UnitAnswer } from "@/api/types";
import { ActivityGrid } from "@/control/ActivityGrid";
import { useAddressParams } from "@/parts/addressParams";
import { useFrame } from "@/parts/experiment";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import css from "./calibrations.module.css";
import { StirringOfSeveral } from "./StirringOfSeveral";
import { deviceName, type Protocol, type SessionAnswer } from "./session";
import { UnfinishedSessions } from "./UnfinishedSessions";
import { sessionKey, sessionPath, useDriver } from "./useSession";

function useProtocols(unit: string) {
  return useQuery<Protocol[]>({
    queryKey: ["calibration protocols", unit],
    queryFn: async ({ signal }) => {
      const result = await finished(
        await get<TaskAccepted>(path("api", "workers", unit, "calibration_protocols"), signal),
        { everyMs: 250, attempts: 80 },
      );
      const answer = (result as Record<string, UnitAnswer>)[unit];
      if (!answer?.ok)
        throw new Refused(
          `${unit} did not say what can be calibrated: ${answer?.error?.message ?? "no reason given"}`,
          200,
          answer?.error?.remediation,
        );
      return (answer.value as Protocol[]).sort((a, b) => a.priority - b.priority);
    },
    enabled: unit !== "",
    staleTime: 60_000,
  });
}

export function NewCalibration() {
  const [params, change] = useAddressParams();
  const workers = useWorkers().data ?? [];
  const active = workers.filter((one) => one.is_active !== 0).map((one) => one.pioreactor_unit);
  const unit = params.get("unit") ?? (active.length === 1 ? (active[0] ?? "") : "");
  const protocols = useProtocols(unit);
  const devices = [...new Set(protocols.data?.map((one) => one.target_device))];
  const device = params.get("device") ?? "";
  const set = (key: string, value: string): void => change((now) => now.set(key, value));
  return (
    <>
      <PageHeader title="Calibrate" about={<Link to="/calibrations">To the calibrations there are</Link>} />
      <UnfinishedSessions />
      <div className={css.choose} role="group" aria-label="What is calibrated">
        <NativeSelect
          label="Unit"
          value={unit}
          data={[{ value: "", label: "Choose…" }, ...active]}
          onChange={(event) => set("unit", event.currentTarget.value)}
        />
        <NativeSelect
          label="Device"
          value={device}
          disabled={devices.length === 0}
          data={[{ value: "", label: "Choose…" }, ...devices.map((one) => ({ value: one, label: deviceName(one) }))]}
          onChange={(event) => set("device", event.currentTarget.value)}
        />
      </div>
      {protocols.error && <Problem error={protocols.error} />}
      {unit !== "" && protocols.isPending && <Waiting what={`what can be calibrated on ${unit}`} />}
      {device === "" && protocols.data && <Empty title="Choose the device that is calibrated." />}
      <div className={css.sections}>
        {device !== "" && <Running unit={unit} />}
        {device === "stirring" && <StirringOfSeveral />}
        {protocols.data
          ?.filter((one) => one.target_device === device)
          .map((one) => (
            <Offer key={one.id} unit={unit} protocol={one} />
          ))}
      </div>
    </>
  );
}

/** Protocols need the reactor for themselves: what runs can be stopped here. */
function Running({ unit }: { unit: string }) {
  const { current } = useFrame();
  const name = current?.experiment ?? "";
  const assigned = useAssigned(name).data ?? [];
  const labels = useLabels(name).data ?? {};
  const jobs = useJobDescriptors().data?.filter((job) => job.display);
  if (!jobs || !assigned.some((one) => one.pioreactor_unit === unit)) return null;
  return (
    <section className={`panel ${css.device}`} aria-label="What runs on the unit">
      <h2>What runs on {labels[unit] ?? unit}</h2>
      <ActivityGrid unit={unit} label={labels[unit]} experiment={name} jobs={jobs} />
    </section>
  );
}

function Offer({ unit, protocol }: { unit: string; protocol: Protocol }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const me = useDriver();
  const starting = useMutation({
    mutationFn: () =>
      request<SessionAnswer>("POST", sessionPath(unit), {
        target_device: protocol.target_device,
        protocol_name: protocol.protocol_name,
        driver: me,
      }),
    onSuccess: (answer) => {
      const id = answer.session.session_id;
      client.setQueryData(sessionKey(unit, id), answer);
      void navigate(`/calibrations/sessions/${encodeURIComponent(unit)}/${id}`);
    },
  });
  return (
    <section className={`panel ${css.device}`} aria-label={protocol.title}>
      <h2>{protocol.title}</h2>
      <p>{protocol.description}</p>
      {protocol.requirements.length > 0 && (
        <>
          <p className={`soft ${css.needs}`}>What has to be ready</p>
          <ul className={css.requirements}>
            {protocol.requirements.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </>
      )}
      {starting.error && <Problem error={starting.error} />}
      <Needs call={["POST", sessionPath(unit)]}>
        <Button loading={starting.isPending} onClick={() => starting.mutate()}>
          Begin
        </Button>
      </Needs>
    </section>
  );
}
