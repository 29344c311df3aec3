/** The units of the cluster, whatever they take part in. */

import { Button, Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { get } from "@/api/client";
import { useSharedConfig, useWorkers } from "@/api/queries";
import type { Assignment } from "@/api/types";
import { useTopic } from "@/live/hooks";
import { monitor } from "@/live/topics";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { NearView } from "@/parts/NearView";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { AddUnit } from "./AddUnit";
import { InventoryCard, versionsOf } from "./InventoryCard";
import css from "./inventory.module.css";
import { Unassign } from "./Unassign";

/** Height of a card that is not built yet [px]. */
const CARD_PX = 250;

export default function Inventory() {
  const workers = useWorkers();
  const assignments = useQuery({
    queryKey: ["assignments"],
    queryFn: ({ signal }) => get<Assignment[]>("/api/workers/assignments", signal),
  });
  const [adding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const leader = useSharedConfig().data?.["cluster.topology"]?.leader_hostname ?? "";
  const leaders = versionsOf(useTopic(monitor(leader, "versions"))).app;
  const where = new Map((assignments.data ?? []).map((one) => [one.pioreactor_unit, one.experiment]));
  return (
    <>
      <PageHeader
        title="Inventory"
        about={<span>{workers.data ? count(workers.data.length, "unit") : "The units"} in this cluster</span>}
        actions={
          <>
            <Needs call={["PUT", "/api/workers"]}>
              <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setAdding(true)}>
                Add unit
              </Button>
            </Needs>
            <Menu position="bottom-end">
              <Menu.Target>
                <Button variant="default" px={8} aria-label="More actions">
                  <Icon name="dots" />
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item component={Link} to="/system">
                  Reboot, shut down, logs
                </Menu.Item>
                <Needs call={["DELETE", "/api/workers/assignments"]}>
                  <Menu.Item
                    color="var(--lost)"
                    disabled={![...where.values()].some(Boolean)}
                    onClick={() => setLeaving(true)}
                  >
                    Unassign all…
                  </Menu.Item>
                </Needs>
              </Menu.Dropdown>
            </Menu>
          </>
        }
      />
      {workers.error ? (
        <Problem error={workers.error} />
      ) : workers.isPending ? (
        <Waiting what="units" />
      ) : workers.data.length === 0 ? (
        <Empty title="This cluster has no units yet.">
          <Needs call={["PUT", "/api/workers"]}>
            <Button onClick={() => setAdding(true)}>Add the first</Button>
          </Needs>
          <Link to="/overview/first-day">Checklist for the first day</Link>
        </Empty>
      ) : (
        <ul className={css.cards} aria-label="Units">
          {workers.data.map((worker) => (
            <NearView
              key={worker.pioreactor_unit}
              name={worker.pioreactor_unit}
              heightPx={CARD_PX}
              count={workers.data.length}
            >
              {() => (
                <InventoryCard
                  worker={worker}
                  experiment={where.get(worker.pioreactor_unit) ?? undefined}
                  leaders={leaders}
                />
              )}
            </NearView>
          ))}
        </ul>
      )}
      <Unassign opened={leaving} onClose={() => setLeaving(false)} />
      <AddUnit
        opened={adding}
        onClose={() => setAdding(false)}
        known={(workers.data ?? []).map((one) => one.pioreactor_unit)}
      />
    </>
  );
}
