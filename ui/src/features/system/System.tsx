/** The machines of the cluster: what state they are in, their logs and backups, clocks, reboot and shutdown. */

import { Button, Menu } from "@mantine/core";
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, path } from "@/api/client";
import type { Machine, UnitName } from "@/api/types";
import { EVERYONE } from "@/live/topics";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Problem, Waiting } from "@/parts/Problem";
import { DatabaseCard } from "./DatabaseCard";
import { MachineCard } from "./MachineCard";
import { type PowerAction, PowerDialog } from "./PowerDialog";
import { SetClocks } from "./SetClocks";
import css from "./system.module.css";

/** What runs on machines, as far as their cards know it. */
const activitiesIn = (client: QueryClient, units: readonly string[]): string[] =>
  units.flatMap(
    (unit) => client.getQueryData<Machine>(["machine", unit])?.activities.map((one) => `${one} on ${unit}`) ?? [],
  );

export default function System() {
  const units = useQuery({ queryKey: ["units"], queryFn: ({ signal }) => get<UnitName[]>("/api/units", signal) });
  const client = useQueryClient();
  const [power, setPower] = useState<PowerAction>();
  const [isSetting, setIsSetting] = useState(false);
  return (
    <>
      <PageHeader
        title="System"
        about={<span>{units.data ? count(units.data.length, "machine") : "The machines of this cluster"}</span>}
        actions={
          <>
            <Needs call={["POST", "/api/system/utc_clock"]}>
              <Button
                variant="default"
                leftSection={<Icon name="clock" size={16} />}
                disabled={!units.data}
                onClick={() => setIsSetting(true)}
              >
                Set clocks
              </Button>
            </Needs>
            <Menu position="bottom-end">
              <Menu.Target>
                <Button variant="default" px={8} aria-label="Actions of all machines" disabled={!units.data}>
                  <Icon name="dots" />
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Needs call={["POST", path("api", "units", EVERYONE, "system", "reboot")]}>
                  <Menu.Item color="var(--lost)" onClick={() => setPower("reboot")}>
                    Reboot all…
                  </Menu.Item>
                </Needs>
                <Needs call={["POST", path("api", "units", EVERYONE, "system", "shutdown")]}>
                  <Menu.Item color="var(--lost)" onClick={() => setPower("shutdown")}>
                    Shut down all…
                  </Menu.Item>
                </Needs>
              </Menu.Dropdown>
            </Menu>
          </>
        }
      />
      {units.error ? (
        <Problem error={units.error} />
      ) : units.isPending ? (
        <Waiting what="machines" />
      ) : (
        <>
          <div className={css.database}>
            <DatabaseCard />
          </div>
          <ul className={css.cards} aria-label="Machines">
            {units.data.map(({ pioreactor_unit }) => (
              <li key={pioreactor_unit}>
                <MachineCard unit={pioreactor_unit} />
              </li>
            ))}
          </ul>
        </>
      )}
      <PowerDialog
        unit={EVERYONE}
        action={power}
        activities={activitiesIn(
          client,
          (units.data ?? []).map((one) => one.pioreactor_unit),
        )}
        onClose={() => setPower(undefined)}
      />
      <SetClocks opened={isSetting} onClose={() => setIsSetting(false)} />
    </>
  );
}
