/** All units of the experiment, and what can be done to them together. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { path } from "@/api/client";
import type { Experiment } from "@/api/types";
import { stoppingAll } from "@/control/commands";
import { GroupDialogs } from "@/control/GroupDialogs";
import { useGroup } from "@/control/useGroup";
import { EVERYONE } from "@/live/topics";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { AssignDialog } from "@/units/AssignDialog";
import { UnitsGrid } from "@/units/UnitsGrid";
import css from "./pioreactors.module.css";

export function UnitList({ experiment }: { experiment: Experiment }) {
  const name = experiment.experiment;
  const { assigned, labels, jobs, shownJobs } = useGroup(name);
  const [dialog, setDialog] = useState<"assign" | "control" | "stop">();
  const close = (): void => setDialog(undefined);
  const active = (assigned.data ?? []).filter((one) => one.is_active !== 0);
  const inactive = (assigned.data ?? []).filter((one) => one.is_active === 0);
  const units = active.map((one) => one.pioreactor_unit);
  return (
    <>
      <PageHeader
        title="Pioreactors"
        about={<span>{count(units.length, "active unit")} in this experiment</span>}
        actions={
          <>
            <Needs call={["PUT", path("api", "experiments", name, "workers")]}>
              <Button
                variant="default"
                leftSection={<Icon name="reactor" size={16} />}
                onClick={() => setDialog("assign")}
              >
                Assign units
              </Button>
            </Needs>
            <Needs call={stoppingAll(EVERYONE, name)}>
              <Button
                variant="default"
                leftSection={<Icon name="control" size={16} />}
                disabled={units.length === 0}
                onClick={() => setDialog("control")}
              >
                Control all
              </Button>
            </Needs>
            <Needs call={stoppingAll(EVERYONE, name)}>
              <Button
                variant="default"
                leftSection={<Icon name="stop" size={16} />}
                disabled={units.length === 0}
                onClick={() => setDialog("stop")}
              >
                Stop all activity
              </Button>
            </Needs>
          </>
        }
      />
      {(assigned.error ?? jobs.error) ? (
        <Problem error={assigned.error ?? jobs.error} />
      ) : assigned.isPending || jobs.isPending ? (
        <Waiting what="units" />
      ) : active.length + inactive.length === 0 ? (
        <Empty title="No unit is assigned to this experiment.">
          <Needs call={["PUT", path("api", "experiments", name, "workers")]}>
            <Button onClick={() => setDialog("assign")}>Assign units</Button>
          </Needs>
        </Empty>
      ) : (
        <UnitsGrid reactors={active} labels={labels} experiment={name} jobs={shownJobs} />
      )}
      {inactive.length > 0 && (
        <section className={css.inactive} aria-label="Inactive units">
          <h2>Inactive</h2>
          <p className="soft">
            {inactive.map((one) => labels[one.pioreactor_unit] ?? one.pioreactor_unit).join(", ")}: switched off in
            Inventory, so nothing can be started there.
          </p>
        </section>
      )}
      <AssignDialog opened={dialog === "assign"} onClose={close} experiment={name} />
      <GroupDialogs dialog={dialog} onClose={close} experiment={name} units={units} jobs={shownJobs} />
    </>
  );
}
