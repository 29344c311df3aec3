/** The data of the existing software: an archive is sent, what comes over is shown, imported, and can be undone. */

import { Button, Group, Table } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask, get, request } from "@/api/client";
import type { ExperimentPlan, ImportPlan, ImportState } from "@/api/types";
import { count, moment, secondsOf } from "@/parts/format";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Problem, Waiting } from "@/parts/Problem";
import css from "./import.module.css";
import { fromFolder, importedText, type PlannedRow, progressText, rowsOf, rowsOfExperiment } from "./importing";

const LONG = { everyMs: 1000, attempts: 7200 };

export default function Import() {
  const state = useQuery({
    queryKey: ["import"],
    queryFn: ({ signal }) => get<ImportState>("/api/import", signal),
    refetchInterval: (query) => (query.state.data?.is_running ? 1000 : 10_000),
  });
  return (
    <>
      <PageHeader
        title="Import"
        about={<span>Data of a leader of the existing software, or an experiment of another cluster</span>}
      />
      {state.error ? (
        <Problem error={state.error} />
      ) : state.isPending ? (
        <Waiting what="imports" />
      ) : (
        <>
          <Steps state={state.data} />
          <ExperimentOfAnother isBusy={state.data.is_running} />
        </>
      )}
    </>
  );
}

function Steps({ state }: { state: ImportState }) {
  const client = useQueryClient();
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: ["import"] });
  const [folder, setFolder] = useState("");
  const planning = useMutation({
    mutationFn: (from: string) =>
      ask("POST", fromFolder("/api/import/plan", from), undefined, LONG) as Promise<ImportPlan>,
    onMutate: setFolder,
  });
  const sending = useMutation({
    mutationFn: (file: File) => request("PUT", "/api/import/archive", file),
    onSuccess: () => planning.mutate(""),
    onSettled: refresh,
  });
  const importing = useMutation({
    mutationFn: () => ask("POST", fromFolder("/api/import", folder), undefined, LONG),
    onMutate: () => setTimeout(() => void refresh(), 500),
    onSuccess: () => planning.reset(),
    onSettled: () => client.invalidateQueries(),
  });
  const isBusy = sending.isPending || planning.isPending || importing.isPending || state.is_running;
  return (
    <div className={css.steps}>
      <section aria-labelledby="send" className="panel">
        <h2 id="send">1. Send an archive</h2>
        <p className="soft">
          A zip archive of the folder <code>.pioreactor</code> of the old leader, as its page exports it. Nothing is
          changed yet.
        </p>
        <label className={css.file}>
          Archive
          <Needs call={["PUT", "/api/import/archive"]}>
            <input
              type="file"
              accept=".zip"
              disabled={isBusy}
              onChange={(event) => {
                const file = event.currentTarget.files?.[0];
                if (file) sending.mutate(file);
              }}
            />
          </Needs>
        </label>
        <p role="status">
          {sending.isPending ? "Sending…" : planning.isPending ? "Finding out what would come over…" : ""}
        </p>
        {state.size_bytes != null && !planning.data && (
          <Needs call={["POST", "/api/import/plan"]}>
            <Button variant="default" disabled={isBusy} onClick={() => planning.mutate("")}>
              Show what would come over
            </Button>
          </Needs>
        )}
        {state.folders.length > 0 && (
          <p className={`soft ${css.folders}`}>Or a folder on a USB drive or on the leader:</p>
        )}
        {state.folders.map((one) => (
          <Needs key={one} call={["POST", "/api/import/plan"]}>
            <Button mr="xs" variant="default" disabled={isBusy} onClick={() => planning.mutate(one)}>
              {one}
            </Button>
          </Needs>
        ))}
        {(sending.error ?? planning.error) && <Problem error={sending.error ?? planning.error} />}
      </section>
      {planning.data && (
        <section aria-labelledby="plan" className="panel">
          <h2 id="plan">2. What comes over</h2>
          <Plan rows={rowsOf(planning.data)} notes={planning.data.notes} />
          <Group mt="md">
            <Needs call={["POST", "/api/import"]}>
              <Button disabled={isBusy} onClick={() => importing.mutate()}>
                Import this
              </Button>
            </Needs>
          </Group>
        </section>
      )}
      {importing.error && <Problem error={importing.error} />}
      <p role="status">
        {state.is_running || importing.isPending
          ? progressText(state.progress)
          : importing.isSuccess
            ? "Imported. Compare a chart of each experiment with the old pages."
            : ""}
      </p>
      {state.last && <Last state={state} isBusy={isBusy} />}
    </div>
  );
}

/** An experiment that another cluster has archived on its page Export. */
function ExperimentOfAnother({ isBusy }: { isBusy: boolean }) {
  const client = useQueryClient();
  const planning = useMutation({
    mutationFn: () => ask("POST", "/api/import/experiment/plan", undefined, LONG) as Promise<ExperimentPlan>,
  });
  const sending = useMutation({
    mutationFn: (file: File) => request("PUT", "/api/import/experiment", file),
    onMutate: () => planning.reset(),
    onSuccess: () => planning.mutate(),
  });
  const taking = useMutation({
    mutationFn: () => ask("POST", "/api/import/experiment", undefined, LONG),
    onSuccess: () => planning.reset(),
    onSettled: () => client.invalidateQueries(),
  });
  const isWaiting = isBusy || sending.isPending || planning.isPending || taking.isPending;
  return (
    <section aria-labelledby="experiment" className={`panel ${css.experiment}`}>
      <h2 id="experiment">An experiment of another cluster</h2>
      <p className="soft">
        The archive of a whole experiment, as the page Export of the other leader makes it. What comes over is shown
        first; deleting the experiment goes back.
      </p>
      <label className={css.file}>
        Archive of an experiment
        <Needs call={["PUT", "/api/import/experiment"]}>
          <input
            type="file"
            accept=".zip"
            disabled={isWaiting}
            onChange={(event) => {
              const file = event.currentTarget.files?.[0];
              if (file) sending.mutate(file);
            }}
          />
        </Needs>
      </label>
      {planning.data && (
        <>
          <h3>{planning.data.experiments.join(", ")}</h3>
          <Plan rows={rowsOfExperiment(planning.data)} notes={[planning.data.origin, ...planning.data.notes]} />
          <Needs call={["POST", "/api/import/experiment"]}>
            <Button mt="md" disabled={isWaiting} onClick={() => taking.mutate()}>
              Import this experiment
            </Button>
          </Needs>
        </>
      )}
      <p role="status">
        {sending.isPending
          ? "Sending…"
          : planning.isPending
            ? "Finding out what would come over…"
            : taking.isPending
              ? "Importing…"
              : taking.isSuccess && !planning.data
                ? importedText(taking.data)
                : ""}
      </p>
      {(sending.error ?? planning.error ?? taking.error) && (
        <Problem error={sending.error ?? planning.error ?? taking.error} />
      )}
    </section>
  );
}

function Plan({ rows, notes }: { rows: readonly PlannedRow[]; notes: readonly string[] }) {
  const [showsAll, setShowsAll] = useState(false);
  const shown = showsAll ? rows : rows.filter((row) => row.reason !== "" || row.what === "Table").slice(0, 30);
  return (
    <>
      <p>
        {count(rows.filter((row) => row.reason === "").length, "item")} come over,{" "}
        {rows.filter((row) => row.reason !== "").length} do not.
      </p>
      {notes.map((note) => (
        <p key={note} className="soft">
          {note}
        </p>
      ))}
      <Table.ScrollContainer minWidth={480} scrollAreaProps={{ tabIndex: 0 }}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Kind</Table.Th>
              <Table.Th>Name</Table.Th>
              <Table.Th>Amount</Table.Th>
              <Table.Th>Not imported because</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((row) => (
              <Table.Tr key={`${row.what} ${row.name}`}>
                <Table.Td>{row.what}</Table.Td>
                <Table.Td>{row.name}</Table.Td>
                <Table.Td className="num">{row.amount}</Table.Td>
                <Table.Td>{row.reason}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {!showsAll && shown.length < rows.length && (
        <Button variant="subtle" onClick={() => setShowsAll(true)}>
          Show all {rows.length}
        </Button>
      )}
    </>
  );
}

function Last({ state, isBusy }: { state: ImportState; isBusy: boolean }) {
  const client = useQueryClient();
  const [isAsked, setIsAsked] = useState(false);
  const undoing = useMutation({
    mutationFn: () => ask("DELETE", "/api/import", undefined, LONG),
    onSettled: () => client.invalidateQueries(),
  });
  const report = state.last;
  if (!report) return null;
  const rows = Object.values(report.rows ?? {}).reduce((sum, one) => sum + one, 0);
  return (
    <section aria-labelledby="last" className="panel">
      <h2 id="last">Last import</h2>
      <p>
        {moment(secondsOf(report.started_at))}: {rows.toLocaleString("en")} rows,{" "}
        {count((report.files ?? []).length, "file")}, {count((report.keys ?? []).length, "key")} of the configuration.
      </p>
      {(report.failed ?? []).map((one) => (
        <p key={one}>Not imported: {one}</p>
      ))}
      {undoing.error && <Problem error={undoing.error} />}
      {isAsked ? (
        <Group mt="md">
          <Button variant="default" onClick={() => setIsAsked(false)}>
            Keep it
          </Button>
          <Needs call={["DELETE", "/api/import"]}>
            <Button color="red" loading={undoing.isPending} onClick={() => undoing.mutate()}>
              Undo; what was recorded since is lost
            </Button>
          </Needs>
        </Group>
      ) : (
        <Needs call={["DELETE", "/api/import"]}>
          <Button mt="md" variant="default" disabled={isBusy} onClick={() => setIsAsked(true)}>
            Undo this import…
          </Button>
        </Needs>
      )}
    </section>
  );
}
