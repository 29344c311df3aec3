/** The configuration as text: shared by all units, or of one unit, with its history. */

import { Button, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { get, path } from "@/api/client";
import { useWorkers } from "@/api/queries";
import type { ConfigVersion } from "@/api/types";
import { useFilters } from "@/parts/filters";
import { moment, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { PageHeader } from "@/parts/PageHeader";
import { Problem, Waiting } from "@/parts/Problem";
import css from "./configuration.module.css";
import { Delivery } from "./Delivery";
import { Editor } from "./Editor";

export const configPath = (unit: string): string =>
  unit === "" ? "/api/config/shared" : path("api", "config", "units", unit, "specific");

export default function Configuration() {
  const [params, set] = useFilters();
  const unit = params.get("unit") ?? "";
  const workers = useWorkers().data ?? [];
  const where = configPath(unit);
  const text = useQuery({
    queryKey: ["config", where],
    queryFn: ({ signal }) => get<string>(where, signal),
    staleTime: 0,
    refetchOnWindowFocus: false,
  });
  const history = useQuery({
    queryKey: ["config", where, "history"],
    queryFn: ({ signal }) => get<ConfigVersion[]>(`${where}/history`, signal),
  });
  const known = unit === "" ? undefined : history.data;
  return (
    <>
      <PageHeader
        title="Configuration"
        about={
          <span>
            {unit === ""
              ? "Shared by all units; a unit's own configuration wins over it."
              : `Of ${unit} alone; it wins over the shared configuration.`}
          </span>
        }
        actions={
          <Button
            component="a"
            href="/api/config/zipped"
            download
            variant="default"
            leftSection={<Icon name="download" size={16} />}
          >
            Download all
          </Button>
        }
      />
      <div className={css.filters}>
        <NativeSelect
          label="Configuration of"
          value={unit}
          data={[
            { value: "", label: "All units (shared)" },
            ...workers.map((one) => ({ value: one.pioreactor_unit, label: one.pioreactor_unit })),
          ]}
          onChange={(event) => set("unit", event.currentTarget.value)}
        />
      </div>
      <Delivery unit={unit} />
      {text.error && known ? (
        <>
          <p className={css.away} role="status">
            {unit} does not answer.{" "}
            {known[0]
              ? `This is its version of ${moment(secondsOf(known[0].timestamp))}, the newest that the leader has.`
              : "The leader has no version of its file."}{" "}
            What you save is sent when the unit answers again.
          </p>
          <Editor key={where} where={where} saved={known[0]?.data ?? ""} history={known} />
        </>
      ) : text.error ? (
        <Problem error={text.error} />
      ) : text.isPending ? (
        <Waiting what="the configuration" />
      ) : (
        <Editor key={where} where={where} saved={text.data} history={history.data ?? []} />
      )}
    </>
  );
}
