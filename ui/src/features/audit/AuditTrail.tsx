/** Who changed what: page by page, filtered, verified, taken along. The filters are in the address. */

import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { ask, get } from "@/api/client";
import { useWorkers } from "@/api/queries";
import type { AuditPage, AuditVerdict } from "@/api/types";
import { useAddressParams } from "@/parts/addressParams";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { AuditTable } from "./AuditTable";
import css from "./audit.module.css";
import { type AuditFilters, auditPath, headOf, PAGE, readFilters, verifyPath } from "./filters";

export default function AuditTrail() {
  const [params, change] = useAddressParams();
  const filters = readFilters(params);
  const set = (changes: Partial<AuditFilters>): void =>
    change((now) => {
      for (const [key, value] of Object.entries(changes)) {
        if (value) now.set(key, value);
        else now.delete(key);
      }
    });
  const pages = useInfiniteQuery({
    queryKey: ["audit", auditPath(filters)],
    queryFn: ({ pageParam, signal }) => get<AuditPage>(auditPath(filters, pageParam), signal),
    initialPageParam: 0,
    getNextPageParam: ({ entries }) => (entries.length < PAGE ? undefined : entries[entries.length - 1]?.id),
  });
  const verifying = useMutation({
    mutationFn: async (exported: File | null) =>
      ask("POST", verifyPath(exported === null ? undefined : headOf(await exported.text())), undefined, {
        everyMs: 500,
        attempts: 600,
      }),
  });
  const chosen = useRef<HTMLInputElement>(null);
  const workers = useWorkers().data ?? [];
  const [find, setFind] = useState(filters.find);
  const search = useDebouncedCallback((text: string) => set({ find: text.trim() }), 300);
  const entries = pages.data?.pages.flatMap((page) => page.entries) ?? [];
  const actors = pages.data?.pages[0]?.actors ?? [];
  return (
    <>
      <PageHeader
        title="Audit trail"
        about={<span>Every change, and who asked for it; newest first</span>}
        actions={
          <>
            <Needs call={["POST", "/api/audit/verify"]}>
              <Button variant="default" loading={verifying.isPending} onClick={() => verifying.mutate(null)}>
                Verify
              </Button>
            </Needs>
            <Needs call={["POST", "/api/audit/verify"]}>
              <Button
                variant="default"
                title="Choose audit_head.json or manifest.json of an archive that was exported earlier"
                disabled={verifying.isPending}
                onClick={() => chosen.current?.click()}
              >
                Compare with an archive
              </Button>
            </Needs>
            <input
              ref={chosen}
              type="file"
              accept=".json"
              hidden
              aria-label="Head of the audit trail"
              onChange={({ currentTarget }) => {
                const file = currentTarget.files?.[0];
                currentTarget.value = "";
                if (file) verifying.mutate(file);
              }}
            />
            <Button component="a" variant="default" href="/api/audit/export" download="audit_trail.jsonl">
              Export
            </Button>
          </>
        }
      />
      <div role="status" className={css.verdict}>
        {verifying.isSuccess && <Verdict verdict={verifying.data as AuditVerdict} />}
      </div>
      {verifying.error && <Problem error={verifying.error} />}
      <div className={css.filters} role="group" aria-label="Filters">
        <TextInput
          label="Find"
          placeholder="A word"
          leftSection={<Icon name="search" size={16} />}
          value={find}
          onChange={(event) => {
            setFind(event.currentTarget.value);
            search(event.currentTarget.value);
          }}
        />
        <NativeSelect
          label="Who"
          value={filters.actor}
          data={[{ value: "", label: "Everyone" }, ...actors]}
          onChange={(event) => set({ actor: event.currentTarget.value })}
        />
        <NativeSelect
          label="Unit"
          value={filters.unit}
          data={[{ value: "", label: "All units" }, ...workers.map((worker) => worker.pioreactor_unit)]}
          onChange={(event) => set({ unit: event.currentTarget.value })}
        />
      </div>
      {pages.error ? (
        <Problem error={pages.error} />
      ) : pages.isPending ? (
        <Waiting what="the audit trail" />
      ) : entries.length === 0 ? (
        <Empty title="Nothing was changed, or nothing that the filters select." />
      ) : (
        <AuditTable entries={entries} />
      )}
      {pages.hasNextPage && (
        <div className={css.more}>
          <Button variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            Show earlier changes
          </Button>
        </div>
      )}
    </>
  );
}

function Verdict({ verdict }: { verdict: AuditVerdict }) {
  return verdict.fault == null ? (
    <p>
      The trail is whole: {count(verdict.entries, "entry", "entries")}, {count(verdict.heads, "signed head")}.
    </p>
  ) : (
    <p className={css.refused}>The trail is not whole: {verdict.fault}.</p>
  );
}
