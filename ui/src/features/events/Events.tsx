/** Everything that was said, page by page; the filters are in the address, so a view can be sent to a colleague. */

import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { completedBy, get, path } from "@/api/client";
import { useAssigned, useLabels, useWorkers } from "@/api/queries";
import type { LogRow } from "@/api/types";
import { named } from "@/control/units";
import { useWanted } from "@/live/hooks";
import { useLiveLogs } from "@/live/logs";
import { ALL, CLUSTER, EVERYONE, logsOf } from "@/live/topics";
import { useAddressParams } from "@/parts/addressParams";
import { inExperiment, useFrame } from "@/parts/experiment";
import { Icon } from "@/parts/icons";
import { LEVEL_CHOICES } from "@/parts/levels";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { RecordEvent } from "@/units/RecordEvent";
import { EventTable } from "./EventTable";
import css from "./events.module.css";
import { type Filters, logsPath, PAGE, readFilters, SCOPES, type Scope } from "./filters";
import { Quarantine } from "./Quarantine";

export default function Events() {
  const { current } = useFrame();
  const [params, change] = useAddressParams();
  const filters = readFilters(params);
  const experiment = current?.experiment ?? "";
  const labels = useLabels(experiment).data ?? {};
  const workers = useWorkers().data ?? [];
  const set = (changes: Partial<Filters>): void =>
    change((now) => {
      for (const [key, value] of Object.entries(changes)) {
        if (value) now.set(key, value);
        else now.delete(key);
      }
    });

  const shown = filters.scope === "experiment" ? experiment : filters.scope === "cluster" ? CLUSTER : ALL;
  useWanted(logsOf(shown, filters.unit || undefined));
  const where = logsPath(filters, experiment);
  const pages = useInfiniteQuery({
    queryKey: ["logs", where],
    queryFn: ({ pageParam, signal }) => get<LogRow[]>(`${where}&skip=${pageParam}`, signal),
    initialPageParam: 0,
    getNextPageParam: (last, all) => (last.length < PAGE ? undefined : all.length * PAGE),
    staleTime: 30_000,
    ...completedBy(logsOf(shown, filters.unit || undefined)),
  });
  const live = useLiveLogs(shown, filters.level, pages.data?.pages.flat(), filters.unit || undefined).filter((row) =>
    row.message.toLowerCase().includes(filters.find.toLowerCase()),
  );
  const units = (useAssigned(experiment).data ?? []).map((one) => one.pioreactor_unit);
  const [recording, setRecording] = useState(false);
  const [find, setFind] = useState(filters.find);
  const search = useDebouncedCallback((text: string) => set({ find: text.trim() }), 300);

  return (
    <>
      <PageHeader
        title="Events"
        about={<span>Newest first; new ones appear by themselves.</span>}
        actions={
          <>
            <Button
              variant="default"
              component={Link}
              to={`${inExperiment("/export", experiment)}&datasets=logs`}
              leftSection={<Icon name="download" size={16} />}
            >
              Export
            </Button>
            <Needs call={["POST", path("api", "workers", EVERYONE, "experiments", experiment, "logs")]}>
              <Button
                variant="default"
                leftSection={<Icon name="plus" size={16} />}
                disabled={experiment === ""}
                onClick={() => setRecording(true)}
              >
                Record event
              </Button>
            </Needs>
          </>
        }
      />
      <div className={css.filters} role="group" aria-label="Filters">
        <TextInput
          label="Find"
          placeholder="A word of the message"
          leftSection={<Icon name="search" size={16} />}
          value={find}
          onChange={(event) => {
            setFind(event.currentTarget.value);
            search(event.currentTarget.value);
          }}
        />
        <NativeSelect
          label="Of"
          value={filters.scope}
          data={SCOPES}
          onChange={(event) => set({ scope: event.currentTarget.value as Scope })}
        />
        <NativeSelect
          label="Unit"
          value={filters.unit}
          data={[
            { value: "", label: "All units" },
            ...workers.map((one) => ({
              value: one.pioreactor_unit,
              label: named(one.pioreactor_unit, labels[one.pioreactor_unit]),
            })),
          ]}
          onChange={(event) => set({ unit: event.currentTarget.value })}
        />
        <NativeSelect
          label="From level"
          value={filters.level}
          data={LEVEL_CHOICES}
          onChange={(event) => set({ level: event.currentTarget.value })}
        />
      </div>
      <Quarantine />
      {pages.error && <Problem error={pages.error} />}
      {pages.isPending ? (
        <Waiting what="events" />
      ) : live.length === 0 ? (
        <Empty title="No events match these filters." />
      ) : (
        <EventTable rows={live} labels={labels} />
      )}
      <RecordEvent
        opened={recording}
        onClose={() => setRecording(false)}
        experiment={experiment}
        units={units}
        labels={labels}
      />
      {pages.hasNextPage && (
        <div className={css.more}>
          <Button variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            Show older events
          </Button>
        </div>
      )}
    </>
  );
}
