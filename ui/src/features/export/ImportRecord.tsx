/** What came over with an experiment from another cluster besides its rows: files to read, and what did not come over. */

import { useQuery } from "@tanstack/react-query";
import { get, path } from "@/api/client";
import type { ExperimentRecord } from "@/api/types";
import { moment, secondsOf } from "@/parts/format";
import { Problem } from "@/parts/Problem";
import css from "./export.module.css";

export function ImportRecord({ experiment }: { experiment: string }) {
  const record = useQuery({
    queryKey: ["experiments", experiment, "record"],
    queryFn: ({ signal }) => get<ExperimentRecord>(path("api", "experiments", experiment, "record"), signal),
  });
  if (record.error) return <Problem error={record.error} />;
  const { imported_at = "", software_version, units = [], files = [], left_out = [], origin } = record.data ?? {};
  if (imported_at === "") return null;
  return (
    <section aria-labelledby="record">
      <h2 id="record">Imported from another cluster</h2>
      <p className="soft">
        {moment(secondsOf(imported_at))}, from version {software_version}; units:{" "}
        {units.map((one) => one.pioreactor_unit).join(", ") || "unknown"}. Its calibrations are beside those of the
        leader and not in use. {origin}
      </p>
      <ul className={css.archives}>
        {files.map((name) => (
          <li key={name}>
            <a
              href={path("api", "experiments", experiment, "record", ...name.split("/"))}
              target="_blank"
              rel="noreferrer"
            >
              {name}
            </a>
          </li>
        ))}
      </ul>
      {left_out.map((one) => (
        <p key={one.name} className="soft">
          Not imported: {one.name}: {one.reason}
        </p>
      ))}
    </section>
  );
}
