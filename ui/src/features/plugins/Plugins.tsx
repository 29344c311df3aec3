/** The plugins of all units: what each is, whether it is in use, and why not. */

import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask, path } from "@/api/client";
import { EVERYONE } from "@/live/topics";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import { AddPlugin } from "./AddPlugin";
import { byPlugin, type ClusterPlugin, fetchPlugins, silent, stateText, updatable } from "./plugins";
import css from "./plugins.module.css";
import { RemovePlugin } from "./RemovePlugin";
import { UpdatePlugin } from "./UpdatePlugin";

export default function Plugins() {
  const client = useQueryClient();
  const answers = useQuery({ queryKey: ["plugins"], queryFn: ({ signal }) => fetchPlugins(signal) });
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<ClusterPlugin>();
  const [updating, setUpdating] = useState<ClusterPlugin>();
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: ["plugins"] });
  const found = byPlugin(answers.data ?? {});
  const absent = silent(answers.data ?? {});
  return (
    <>
      <PageHeader
        title="Plugins"
        about={<span>{answers.data ? count(found.length, "plugin") : "Plugins"} on the units of this cluster</span>}
        actions={
          <Needs call={["POST", path("api", "units", EVERYONE, "plugins", "install")]}>
            <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setAdding(true)}>
              Add plugin
            </Button>
          </Needs>
        }
      />
      {absent.length > 0 && <p className="soft">No answer from {absent.join(", ")}.</p>}
      {answers.error ? (
        <Problem error={answers.error} />
      ) : answers.isPending ? (
        <Waiting what="plugins" />
      ) : found.length === 0 ? (
        <Empty title="There are no plugins yet.">
          <p className="soft">A plugin adds jobs, automations, charts or datasets, written by others or by you.</p>
        </Empty>
      ) : (
        <ul className={css.list} aria-label="Plugins">
          {found.map((plugin) => (
            <li key={plugin.name} className="panel">
              <Row
                plugin={plugin}
                onChanged={refresh}
                onRemove={() => setRemoving(plugin)}
                onUpdate={() => setUpdating(plugin)}
              />
            </li>
          ))}
        </ul>
      )}
      <AddPlugin opened={adding} onClose={() => setAdding(false)} onInstalled={refresh} />
      <RemovePlugin plugin={removing} onClose={() => setRemoving(undefined)} onRemoved={refresh} />
      <UpdatePlugin plugin={updating} onClose={() => setUpdating(undefined)} onUpdated={refresh} />
    </>
  );
}

interface RowProps {
  plugin: ClusterPlugin;
  onChanged: () => Promise<void>;
  onRemove: () => void;
  onUpdate: () => void;
}

function Row({ plugin, onChanged, onRemove, onUpdate }: RowProps) {
  const isOff = plugin.units.some((one) => one.state === "disabled");
  const key = plugin.units.find((one) => one.key)?.key;
  const switching = useMutation({
    mutationFn: async () => {
      for (const { unit } of plugin.units)
        await ask(
          "POST",
          path("api", "units", unit, "plugins", isOff ? "enable" : "disable"),
          { args: [key] },
          PATIENCE,
        );
    },
    onSettled: onChanged,
  });
  return (
    <article className={css.row} aria-label={plugin.name}>
      <div className={css.about}>
        <h2>{plugin.name}</h2>
        <p className="soft small">{[plugin.description, plugin.author].filter(Boolean).join(" · ")}</p>
        <ul className={css.units}>
          {plugin.units.map((one) => (
            <li key={one.unit}>
              <strong>{one.unit}</strong> {one.version} · {stateText(one)}
              {one.note && <span className={css.note}> {one.note}</span>}
            </li>
          ))}
        </ul>
        {switching.error && <Problem error={switching.error} />}
      </div>
      {key !== undefined && (
        <div className={css.actions}>
          {updatable(plugin).length > 0 && (
            <Needs call={["POST", path("api", "units", EVERYONE, "plugins", "update")]}>
              <Button variant="subtle" size="xs" onClick={onUpdate} aria-label={`Update ${plugin.name}`}>
                Update
              </Button>
            </Needs>
          )}
          <Needs call={["POST", path("api", "units", EVERYONE, "plugins", "enable")]}>
            <Button
              variant="subtle"
              size="xs"
              loading={switching.isPending}
              onClick={() => switching.mutate()}
              aria-label={`${isOff ? "Enable" : "Disable"} ${plugin.name}`}
            >
              {isOff ? "Enable" : "Disable"}
            </Button>
          </Needs>
          <Needs call={["POST", path("api", "units", EVERYONE, "plugins", "uninstall")]}>
            <Button
              variant="subtle"
              color="red"
              c="var(--lost)"
              size="xs"
              onClick={onRemove}
              aria-label={`Remove ${plugin.name}`}
            >
              Remove
            </Button>
          </Needs>
        </div>
      )}
    </article>
  );
}

const PATIENCE = { everyMs: 500, attempts: 240 };
