/** Recorded data as files: choose datasets, time and format, follow the export, fetch its archive. */

import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ask, get, path, request } from "@/api/client";
import { useAssigned } from "@/api/queries";
import type { Dataset, Exports, UsbState } from "@/api/types";
import { useAddressParams } from "@/parts/addressParams";
import { useFrame } from "@/parts/experiment";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { Archives } from "./Archives";
import css from "./export.module.css";
import { instant, messageOf, percent } from "./exporting";
import { ImportRecord } from "./ImportRecord";
import { Preview } from "./Preview";

const EVERY_UNIT = "";

export default function Export() {
  const { current } = useFrame();
  const datasets = useQuery({
    queryKey: ["datasets"],
    queryFn: ({ signal }) => get<Dataset[]>("/api/datasets/exportable", signal),
  });
  return (
    <>
      <PageHeader title="Export" about={<span>Recorded data as files of CSV or Parquet</span>} />
      {datasets.error ? (
        <Problem error={datasets.error} />
      ) : datasets.isPending ? (
        <Waiting what="datasets" />
      ) : current === undefined ? (
        <Empty title="There are no experiments yet." />
      ) : (
        <Form key={current.experiment} experiment={current.experiment} datasets={datasets.data} />
      )}
    </>
  );
}

function Form({ experiment, datasets }: { experiment: string; datasets: readonly Dataset[] }) {
  const client = useQueryClient();
  const units = useAssigned(experiment);
  const [params] = useAddressParams();
  const [chosen, setChosen] = useState<readonly string[]>(() =>
    (params.get("datasets") ?? "").split(",").filter((name) => datasets.some((one) => one.dataset_name === name)),
  );
  const [unit, setUnit] = useState(EVERY_UNIT);
  const [from, setFrom] = useState("");
  const [until, setUntil] = useState("");
  const [format, setFormat] = useState("csv");
  const [byUnit, setByUnit] = useState(false);
  const [toUsb, setToUsb] = useState(false);
  const usb = useQuery({
    queryKey: ["usb"],
    queryFn: ({ signal }) => get<UsbState>("/unit_api/usb", signal),
  });
  const hasDrive = usb.data?.status === "mounted" || usb.data?.status === "present_unmounted";
  const target = toUsb && hasDrive ? "/api/datasets/exportable/export-to-usb" : "/api/datasets/exportable/export";
  const exports = useQuery({
    queryKey: ["exports"],
    queryFn: ({ signal }) => get<Exports>("/api/datasets/exports", signal),
    refetchInterval: (query) => (query.state.data?.is_running ? 1000 : 10_000),
  });
  const exporting = useMutation({
    mutationFn: () => {
      const body = {
        experiment,
        datasets: chosen,
        partition_by_unit: byUnit,
        format,
        units: unit === EVERY_UNIT ? null : [unit],
        start_time: instant(from),
        end_time: instant(until),
      };
      setTimeout(() => client.invalidateQueries({ queryKey: ["exports"] }), 500);
      return ask("POST", target, body, { everyMs: 1000, attempts: 3600 });
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["exports"] }),
  });
  const archiving = useMutation({
    mutationFn: () => {
      setTimeout(() => client.invalidateQueries({ queryKey: ["exports"] }), 500);
      return ask("POST", path("api", "experiments", experiment, "archive"), undefined, {
        everyMs: 1000,
        attempts: 3600,
      });
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["exports"] }),
  });
  const stopping = useMutation({ mutationFn: () => request("DELETE", "/api/datasets/exportable/export") });
  const isRunning = exporting.isPending || archiving.isPending || exports.data?.is_running === true;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    exporting.mutate();
  };
  const toggle = (name: string, on: boolean): void =>
    setChosen(on ? [...chosen, name] : chosen.filter((one) => one !== name));
  const all = datasets.map((one) => one.dataset_name);
  return (
    <form onSubmit={submit} className={css.form}>
      <fieldset className={css.datasets}>
        <legend>Datasets of {experiment}</legend>
        <Button variant="default" size="compact-sm" onClick={() => setChosen(chosen.length === all.length ? [] : all)}>
          {chosen.length === all.length ? "Choose none" : "Choose all"}
        </Button>
        <ul>
          {datasets.map((dataset) => (
            <li key={dataset.dataset_name}>
              <Checkbox
                label={dataset.display_name}
                description={dataset.description}
                checked={chosen.includes(dataset.dataset_name)}
                onChange={(event) => toggle(dataset.dataset_name, event.currentTarget.checked)}
              />
              <Preview dataset={dataset} />
            </li>
          ))}
        </ul>
      </fieldset>
      <div className={css.options}>
        <NativeSelect
          label="Units"
          value={unit}
          data={[
            { value: EVERY_UNIT, label: "All" },
            ...(units.data ?? []).map((one) => ({ value: one.pioreactor_unit, label: one.pioreactor_unit })),
          ]}
          onChange={(event) => setUnit(event.currentTarget.value)}
        />
        <TextInput
          type="datetime-local"
          label="From"
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
        />
        <TextInput
          type="datetime-local"
          label="Until"
          value={until}
          onChange={(event) => setUntil(event.currentTarget.value)}
        />
        <NativeSelect
          label="Format"
          value={format}
          data={[
            { value: "csv", label: "CSV" },
            { value: "parquet", label: "Parquet" },
          ]}
          onChange={(event) => setFormat(event.currentTarget.value)}
        />
      </div>
      <Checkbox
        label="A file for each unit"
        checked={byUnit}
        onChange={(event) => setByUnit(event.currentTarget.checked)}
      />
      {hasDrive && (
        <Needs call={["POST", "/api/datasets/exportable/export-to-usb"]}>
          <Checkbox
            label="Also to the USB drive of the leader"
            description="In its folder pioreactor/exports. Eject the drive before you pull it out."
            checked={toUsb}
            onChange={(event) => setToUsb(event.currentTarget.checked)}
          />
        </Needs>
      )}
      <div className={css.actions}>
        <Button
          type="submit"
          disabled={chosen.length === 0 || isRunning}
          leftSection={<Icon name="download" size={16} />}
        >
          Export {count(chosen.length, "dataset")}
        </Button>
        <Button variant="default" disabled={isRunning} onClick={() => archiving.mutate()}>
          Archive the whole experiment
        </Button>
        {isRunning && (
          <>
            <span role="status">{percent(exports.data?.progress)}</span>
            <Button variant="default" onClick={() => stopping.mutate()}>
              Cancel export
            </Button>
          </>
        )}
      </div>
      {exporting.data !== undefined && <p role="status">{messageOf(exporting.data)}</p>}
      {archiving.data !== undefined && <p role="status">{messageOf(archiving.data)}</p>}
      {exporting.error && <Problem error={exporting.error} />}
      {archiving.error && <Problem error={archiving.error} />}
      {exports.error && <Problem error={exports.error} />}
      {exports.data && <Archives archives={exports.data.archives} />}
      <ImportRecord experiment={experiment} />
    </form>
  );
}
