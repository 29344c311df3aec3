/** The calibrations of all units by device: what curve each uses, and which others there are. */

import { Button, Checkbox, NativeSelect } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { ask, finished, get, path } from "@/api/client";
import type { TaskAccepted } from "@/api/types";
import { EVERYONE } from "@/live/topics";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { AddCalibration } from "./AddCalibration";
import css from "./calibrations.module.css";
import { type Calibration, type Gathered, gather } from "./curve";
import { DeleteDialog } from "./DeleteDialog";
import { DeviceSection } from "./DeviceSection";
import { Estimators, useEstimators } from "./Estimators";
import { deviceName } from "./session";
import { UnfinishedSessions } from "./UnfinishedSessions";

const KEY = ["calibrations"];

function useCalibrations() {
  return useQuery<Gathered>({
    queryKey: KEY,
    queryFn: async ({ signal }) =>
      gather(
        await finished(await get<TaskAccepted>(path("api", "workers", EVERYONE, "calibrations"), signal), {
          everyMs: 250,
          attempts: 80,
        }),
      ),
    staleTime: 10_000,
  });
}

export function CalibrationList() {
  const { data, error, isPending } = useCalibrations();
  const client = useQueryClient();
  const [params, setParams] = useSearchParams();
  const [adding, setAdding] = useState(false);
  const [deleting, setDeleting] = useState<Calibration>();
  const [unit, device, active] = [params.get("unit") ?? "", params.get("device") ?? "", params.has("active")];
  const set = (key: string, value: string): void =>
    setParams(
      (before) => {
        if (value === "") before.delete(key);
        else before.set(key, value);
        return before;
      },
      { replace: true },
    );
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: KEY });
  const using = useMutation({
    mutationFn: (one: Calibration) =>
      one.is_active
        ? ask("DELETE", path("api", "workers", one.pioreactor_unit, "active_calibrations", one.device))
        : ask(
            "PATCH",
            path("api", "workers", one.pioreactor_unit, "active_calibrations", one.device, one.calibration_name),
          ),
    onSettled: refresh,
  });

  const estimators = useEstimators();
  const all = data?.calibrations ?? [];
  const fits = (one: { pioreactor_unit: string; device: string; is_active: boolean }): boolean =>
    (unit === "" || one.pioreactor_unit === unit) &&
    (device === "" || one.device === device) &&
    (!active || one.is_active);
  const shown = all.filter(fits);
  const everything = [...all, ...(estimators.data?.estimators ?? [])];
  const fused = estimators.data?.estimators.filter(fits) ?? [];
  const units = [...new Set(everything.map((one) => one.pioreactor_unit))];
  const devices = [...new Set(everything.map((one) => one.device))];
  return (
    <>
      <PageHeader
        title="Calibrations"
        about={<span>{count(everything.length, "curve")}</span>}
        actions={
          <>
            <Button
              variant="default"
              component="a"
              href={path("api", "workers", EVERYONE, "zipped_calibrations")}
              download
              leftSection={<Icon name="download" size={16} />}
            >
              Download all
            </Button>
            <Button variant="default" leftSection={<Icon name="plus" size={16} />} onClick={() => setAdding(true)}>
              Add from file
            </Button>
            <Button component={Link} to="/calibrations/new" leftSection={<Icon name="curve" size={16} />}>
              Calibrate
            </Button>
          </>
        }
      />
      <UnfinishedSessions />
      <div className={css.filters} role="group" aria-label="Filters">
        <NativeSelect
          label="Unit"
          value={unit}
          data={[{ value: "", label: "All units" }, ...units]}
          onChange={(event) => set("unit", event.currentTarget.value)}
        />
        <NativeSelect
          label="Device"
          value={device}
          data={[
            { value: "", label: "All devices" },
            ...devices.map((one) => ({ value: one, label: deviceName(one) })),
          ]}
          onChange={(event) => set("device", event.currentTarget.value)}
        />
        <Checkbox
          label="Only those in use"
          checked={active}
          onChange={(event) => set("active", event.currentTarget.checked ? "1" : "")}
        />
      </div>
      {error && <Problem error={error} />}
      {using.error && <Problem error={using.error} />}
      {estimators.error && <Problem error={estimators.error} />}
      {data?.silent.map(({ unit: silent, why }) => (
        <Problem key={silent} error={`${silent} did not say which calibrations it has: ${why}.`} />
      ))}
      {isPending ? (
        <Waiting what="calibrations from the units" />
      ) : shown.length + fused.length === 0 ? (
        <Empty
          title={everything.length === 0 ? "No unit has a calibration yet." : "No calibration fits these filters."}
        >
          {everything.length === 0 && (
            <p className="soft">Calibrate a pump, stirring or optical density, or add a calibration from a file.</p>
          )}
        </Empty>
      ) : (
        <div className={css.sections}>
          {[...new Set(shown.map((one) => one.device))].map((name) => (
            <DeviceSection
              key={name}
              device={name}
              calibrations={shown.filter((one) => one.device === name)}
              busy={using.isPending}
              onUse={(one) => using.mutate(one)}
              onDelete={setDeleting}
            />
          ))}
          <Estimators estimators={fused} />
        </div>
      )}
      <AddCalibration opened={adding} onClose={() => setAdding(false)} onAdded={refresh} />
      <DeleteDialog
        kept={
          deleting && {
            kind: "calibrations",
            unit: deleting.pioreactor_unit,
            device: deleting.device,
            name: deleting.calibration_name,
            isActive: deleting.is_active,
          }
        }
        onClose={() => setDeleting(undefined)}
        onDeleted={refresh}
      />
    </>
  );
}
