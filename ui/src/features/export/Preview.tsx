/** The first rows of a dataset, fetched when they are asked for. */

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get, path } from "@/api/client";
import type { Dataset } from "@/api/types";
import { Problem } from "@/parts/Problem";
import css from "./export.module.css";

type Row = Record<string, string | number | null>;

export function Preview({ dataset }: { dataset: Dataset }) {
  const [opened, setOpened] = useState(false);
  const rows = useQuery({
    queryKey: ["datasets", dataset.dataset_name, "preview"],
    queryFn: ({ signal }) => get<Row[]>(path("api", "datasets", "exportable", dataset.dataset_name, "preview"), signal),
    enabled: opened,
  });
  return (
    <>
      <Button
        variant="subtle"
        size="compact-sm"
        aria-expanded={opened}
        aria-label={`${opened ? "Hide preview" : "Preview"} of ${dataset.display_name}`}
        onClick={() => setOpened(!opened)}
      >
        {opened ? "Hide" : "Preview"}
      </Button>
      {opened && rows.error && <Problem error={rows.error} />}
      {opened && rows.data?.length === 0 && <p className="soft">It has no rows yet.</p>}
      {opened && rows.data && rows.data.length > 0 && <Table rows={rows.data} name={dataset.display_name} />}
    </>
  );
}

function Table({ rows, name }: { rows: readonly Row[]; name: string }) {
  const columns = Object.keys(rows[0] ?? {});
  return (
    <section className={css.preview} aria-label={`First rows of ${name}`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={JSON.stringify(row)}>
              {columns.map((column) => (
                <td key={column}>{row[column] ?? ""}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
