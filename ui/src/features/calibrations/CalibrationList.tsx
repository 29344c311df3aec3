/** The calibrations of all units by device: what curve each uses, and which others there are. */

import { Button, Checkbox, NativeSelect } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router";
import { path } from "@/api/client";
import { useWorkers } from "@/api/queries";
import { EVERYONE } from "@/live/topics";
import { useFilters } from "@/parts/filters";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { AddCalibration } from "./AddCalibration";
import { Coverage } from "./Coverage";
import css from "./calibrations.module.css";
import { type Calibration, type Gathered, gather } from "./curve";
import { DeleteDialog } from "./DeleteDialog";
import { DeviceSection } from "./DeviceSection";
import { Estimators, useEstimators } from "./Estimators";
import { useKeptCurves } from "./keptCurves";
import { deviceName } from "./session";
import { UnfinishedSessions } from "./UnfinishedSessions";
import { useUse } from "./useUse";

export function CalibrationList() {
  const { data, error, isPending } = useKeptCurves<Gathered>("calibrations", gather);
  const [params, set] = useFilters();
  const [adding, setAdding] = useState(false);
  const [deleting, setDeleting] = useState<Calibration>();
  const [unit, device, active] = [params.get("unit") ?? "", params.get("device") ?? "", params.has("active")];
  const { use, busy, error: refused, refresh, dialog } = useUse("calibrations");
  const workers = useWorkers().data ?? [];
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
        about={<span>{isPending ? "The curves of all units" : count(everything.length, "curve")}</span>}
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
            <Needs call={["POST", path("api", "workers", EVERYONE, "calibrations", "od")]}>
              <Button variant="default" leftSection={<Icon name="plus" size={16} />} onClick={() => setAdding(true)}>
                Add from file
              </Button>
            </Needs>
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
      {refused ? <Problem error={refused} /> : null}
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
          <Coverage
            units={workers.map((one) => one.pioreactor_unit).filter((one) => unit === "" || one === unit)}
            silent={new Set(data?.silent.map((one) => one.unit))}
            calibrations={all}
          />
          {[...new Set(shown.map((one) => one.device))].map((name) => (
            <DeviceSection
              key={name}
              device={name}
              calibrations={shown.filter((one) => one.device === name)}
              busy={busy}
              onUse={(one) =>
                use({
                  unit: one.pioreactor_unit,
                  device: one.device,
                  name: one.calibration_name,
                  inUse: one.is_active,
                  doubts: one.judgment?.doubts ?? [],
                })
              }
              onDelete={setDeleting}
            />
          ))}
          <Estimators estimators={fused} />
        </div>
      )}
      {dialog}
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
