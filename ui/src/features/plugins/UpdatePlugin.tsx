/** Asks before a plugin is updated on the units that have it from the package index, and shows what was done on each. */

import { Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { path } from "@/api/client";
import { EVERYONE } from "@/live/topics";
import { ConfirmFooter } from "@/parts/ConfirmFooter";
import { UnitAnswers } from "@/parts/UnitAnswers";
import { type ClusterPlugin, updatable, update } from "./plugins";

interface Props {
  plugin: ClusterPlugin | undefined;
  onClose: () => void;
  onUpdated: () => Promise<void>;
}

export function UpdatePlugin({ plugin, onClose, onUpdated }: Props) {
  return (
    <Modal opened={plugin !== undefined} onClose={onClose} title={`Update ${plugin?.name ?? ""}?`}>
      {plugin && <Question plugin={plugin} onClose={onClose} onUpdated={onUpdated} />}
    </Modal>
  );
}

function Question({ plugin, onClose, onUpdated }: Props & { plugin: ClusterPlugin }) {
  const updating = useMutation({ mutationFn: () => update(plugin), onSettled: onUpdated });
  if (updating.data) return <UnitAnswers answers={updating.data} onClose={onClose} />;
  const present = updatable(plugin).map((one) => `${one.version} on ${one.unit}`);
  return (
    <>
      <p>
        Installed: {present.join(", ")}. Each unit looks for a newer version in the package index, and keeps the present
        one if the newer cannot be imported. Jobs that run keep what they have until they end.
      </p>
      <ConfirmFooter
        needs={["POST", path("api", "units", EVERYONE, "plugins", "update")]}
        error={updating.error}
        confirm="Update plugin"
        isConfirming={updating.isPending}
        isDestructive={false}
        onCancel={onClose}
        onConfirm={() => updating.mutate()}
      />
    </>
  );
}
