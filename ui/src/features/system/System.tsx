/** The machines of the cluster: what state they are in, their logs and backups, clocks, reboot and shutdown. */

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "@/api/client";
import type { UnitName } from "@/api/types";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { PageHeader } from "@/parts/PageHeader";
import { Problem, Waiting } from "@/parts/Problem";
import { MachineCard } from "./MachineCard";
import { SetClocks } from "./SetClocks";
import css from "./system.module.css";

export default function System() {
  const units = useQuery({ queryKey: ["units"], queryFn: ({ signal }) => get<UnitName[]>("/api/units", signal) });
  const [isSetting, setIsSetting] = useState(false);
  return (
    <>
      <PageHeader
        title="System"
        about={<span>{units.data ? count(units.data.length, "machine") : "The machines of this cluster"}</span>}
        actions={
          <Button
            variant="default"
            leftSection={<Icon name="clock" size={16} />}
            disabled={!units.data}
            onClick={() => setIsSetting(true)}
          >
            Set clocks
          </Button>
        }
      />
      {units.error ? (
        <Problem error={units.error} />
      ) : units.isPending ? (
        <Waiting what="machines" />
      ) : (
        <ul className={css.cards} aria-label="Machines">
          {units.data.map(({ pioreactor_unit }) => (
            <li key={pioreactor_unit}>
              <MachineCard unit={pioreactor_unit} />
            </li>
          ))}
        </ul>
      )}
      <SetClocks opened={isSetting} onClose={() => setIsSetting(false)} />
    </>
  );
}
