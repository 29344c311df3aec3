/** Asks once before a plugin is removed from the units that have it. */

import { Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { ask, path } from "@/api/client";
import { EVERYONE } from "@/live/topics";
import { ConfirmFooter } from "../../parts/ConfirmFooter";
import type { ClusterPlugin } from "./plugins";

interface Props {
  plugin: ClusterPlugin | undefined;
  onClose: () => void;
  onRemoved: () => Promise<void>;
}

export function RemovePlugin({ plugin, onClose, onRemoved }: Props) {
  return (
    <Modal opened={plugin !== undefined} onClose={onClose} title={`Remove ${plugin?.name ?? ""}?`}>
      {plugin && <Confirmation plugin={plugin} onClose={onClose} onRemoved={onRemoved} />}
    </Modal>
  );
}

function Confirmation({ plugin, onClose, onRemoved }: Props & { plugin: ClusterPlugin }) {
  const removing = useMutation({
    mutationFn: async () => {
      for (const { unit, key } of plugin.units)
        await ask("POST", path("api", "units", unit, "plugins", "uninstall"), { args: [key] });
    },
    onSuccess: onClose,
    onSettled: onRemoved,
  });
  return (
    <>
      <p>
        Removes it from {plugin.units.map((one) => one.unit).join(", ")}. Jobs that run keep it until they end. Its
        configuration, its tables and all recorded data stay.
      </p>
      <ConfirmFooter
        needs={["POST", path("api", "units", EVERYONE, "plugins", "uninstall")]}
        error={removing.error}
        confirm="Remove plugin"
        isConfirming={removing.isPending}
        onCancel={onClose}
        onConfirm={() => removing.mutate()}
      />
    </>
  );
}
