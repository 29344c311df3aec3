/** One unit of the cluster: what it is, where it is, whether it takes part. */

import { Button, Switch } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { path, request } from "@/api/client";
import type { Worker } from "@/api/types";
import { blink, blinking } from "@/control/commands";
import { useTopic, useTopics } from "@/live/hooks";
import { monitor } from "@/live/topics";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import { StateBadge } from "@/parts/StateBadge";
import { ModelChoice } from "@/units/ModelChoice";
import css from "./inventory.module.css";
import { RemoveUnit } from "./RemoveUnit";
import { Unassign } from "./Unassign";

/** Read the software's version and the machine out of what the monitor published. */
export function versionsOf(payload: string | undefined): { app: string | undefined; machine: string | undefined } {
  try {
    const parsed = JSON.parse(payload ?? "{}") as Record<string, string>;
    return { app: parsed.app, machine: parsed.rpi_machine ?? parsed.machine };
  } catch {
    return { app: undefined, machine: undefined };
  }
}

/** Say which version a unit has, and that of the leader where the two differ. */
export function softwareText(app: string | undefined, leaders: string | undefined): string {
  if (app === undefined) return "not reported yet";
  return leaders === undefined || leaders === app ? app : `${app}, the leader has ${leaders}`;
}

interface Props {
  worker: Worker;
  experiment: string | undefined;
  /** Version of the leader. */
  leaders: string | undefined;
}

export function InventoryCard({ worker, experiment, leaders }: Props) {
  const unit = worker.pioreactor_unit;
  const client = useQueryClient();
  const [removing, setRemoving] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const state = useTopic(monitor(unit, "$state"));
  const versions = useTopic(monitor(unit, "versions"));
  const { app, machine } = useMemo(() => versionsOf(versions), [versions]);
  const ipv4 = useTopic(monitor(unit, "ipv4")) ?? worker.ipv4_address;
  const addresses = useTopics(["eth_mac_address", "wlan_mac_address"].map((name) => monitor(unit, name)));
  const macs = addresses.filter(Boolean).join(", ");
  const refresh = (): Promise<unknown> =>
    Promise.all(["workers", "experiments", "descriptors"].map((key) => client.invalidateQueries({ queryKey: [key] })));
  const switching = useMutation({
    mutationFn: (on: boolean) => request("PUT", path("api", "workers", unit, "is_active"), { is_active: on ? 1 : 0 }),
    onSettled: refresh,
  });
  const identifying = useMutation({ mutationFn: () => blink(unit) });
  const facts: [string, string][] = [
    ["Experiment", experiment ?? "none"],
    ["Software", softwareText(app, leaders)],
    ["Address", ipv4 ?? "not reported yet"],
    ...(macs ? ([["MAC", macs]] as [string, string][]) : []),
    ...(machine ? ([["Machine", machine]] as [string, string][]) : []),
  ];
  return (
    <article className={`panel ${css.card}`} aria-label={unit}>
      <header className={css.head}>
        <h2>{unit}</h2>
        <StateBadge state={state} />
        <span className={css.spring} />
        <Needs call={["PUT", path("api", "workers", unit, "is_active")]}>
          <Switch
            label="Active"
            labelPosition="left"
            checked={worker.is_active !== 0}
            disabled={switching.isPending}
            onChange={(event) => switching.mutate(event.currentTarget.checked)}
          />
        </Needs>
      </header>
      <dl className={css.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="num">{value}</dd>
          </div>
        ))}
      </dl>
      <ModelChoice worker={worker} />
      {(switching.error ?? identifying.error) && <Problem error={switching.error ?? identifying.error} />}
      <footer className={css.actions}>
        <Needs call={blinking(unit)}>
          <Button
            variant="default"
            size="xs"
            leftSection={<Icon name="bulb" size={15} />}
            loading={identifying.isPending}
            onClick={() => identifying.mutate()}
          >
            Identify
          </Button>
        </Needs>
        {experiment !== undefined && (
          <Needs call={["DELETE", path("api", "experiments", experiment, "workers", unit)]}>
            <Button variant="default" size="xs" onClick={() => setLeaving(true)}>
              Unassign
            </Button>
          </Needs>
        )}
        <span className={css.spring} />
        <Needs call={["DELETE", path("api", "workers", unit)]}>
          <Button variant="subtle" color="red" c="var(--lost)" size="xs" onClick={() => setRemoving(true)}>
            Remove
          </Button>
        </Needs>
      </footer>
      <Unassign opened={leaving} onClose={() => setLeaving(false)} unit={unit} experiment={experiment} />
      <RemoveUnit opened={removing} onClose={() => setRemoving(false)} unit={unit} experiment={experiment} />
    </article>
  );
}
