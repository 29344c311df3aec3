/** Archives that can be fetched, newest first. */

import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { path, request } from "@/api/client";
import type { Exports } from "@/api/types";
import { moment, secondsOf } from "@/parts/format";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./export.module.css";
import { megabytes } from "./exporting";

export function Archives({ archives }: { archives: Exports["archives"] }) {
  const client = useQueryClient();
  const deleting = useMutation({
    mutationFn: (name: string) => request("DELETE", path("api", "datasets", "exports", name)),
    onSettled: () => client.invalidateQueries({ queryKey: ["exports"] }),
  });
  if (archives.length === 0) return null;
  return (
    <section aria-labelledby="archives">
      <h2 id="archives">Archives</h2>
      <p className="soft small">Kept for 30 days.</p>
      <ul className={css.archives}>
        {archives.map((archive) => (
          <li key={archive.filename}>
            <a href={path("exports", archive.filename)} download>
              {archive.filename}
            </a>
            <span className="soft small">
              {megabytes(archive.size_bytes)} · {moment(secondsOf(archive.created_at))}
            </span>
            <Needs call={["DELETE", path("api", "datasets", "exports", archive.filename)]}>
              <Button
                variant="subtle"
                size="compact-sm"
                color="red"
                c="var(--lost)"
                aria-label={`Delete ${archive.filename}`}
                onClick={() => deleting.mutate(archive.filename)}
              >
                Delete
              </Button>
            </Needs>
          </li>
        ))}
      </ul>
      {deleting.error && <Problem error={deleting.error} />}
    </section>
  );
}
