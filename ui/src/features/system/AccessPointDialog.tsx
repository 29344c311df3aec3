/** Shows the Wi-Fi network that the leader opens, and opens or closes it. */

import { Checkbox, Modal } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask, get } from "@/api/client";
import type { AccessPoint } from "@/api/types";
import { Problem, Waiting } from "@/parts/Problem";
import { ConfirmFooter } from "../../parts/ConfirmFooter";
import { unlessAway } from "./PowerDialog";

const KEY = ["local_access_point"];
const WHERE = "/api/local_access_point";

export function AccessPointDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Wi-Fi network of the leader">
      {opened && <Network onClose={onClose} />}
    </Modal>
  );
}

function Network({ onClose }: { onClose: () => void }) {
  const found = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => get<AccessPoint>(WHERE, signal),
    staleTime: 0,
  });
  if (found.error) return <Problem error={found.error} />;
  if (found.isPending) return <Waiting what="the network" />;
  return <Question network={found.data} onClose={onClose} />;
}

/** What is open, in one sentence. */
export function networkText(network: AccessPoint): string {
  if (!network.active) return network.problem ?? "It is closed. Its name and passphrase are in the configuration.";
  const clients = network.clients ?? [];
  const inIt = clients.length === 0 ? "No device was seen in it lately." : `Seen in it lately: ${clients.join(", ")}.`;
  return `${network.ssid} is open on ${network.device}; the leader is ${network.address} in it. ${inIt}`;
}

function Question({ network, onClose }: { network: AccessPoint; onClose: () => void }) {
  const client = useQueryClient();
  const [isMeant, setIsMeant] = useState(false);
  const { active, consequence, opens_at_boot, problem } = network;
  const changing = useMutation({
    mutationFn: () =>
      ask("POST", `${WHERE}/${active ? "stop" : "start"}`, { even_if_disconnected: isMeant }).catch(unlessAway),
    onSettled: () => client.invalidateQueries({ queryKey: KEY }),
    onSuccess: onClose,
  });
  return (
    <>
      <p>{networkText(network)}</p>
      {opens_at_boot && <p className="soft">It is opened at each start of the leader.</p>}
      {consequence && (
        <Checkbox
          mt="md"
          label={`${consequence.charAt(0).toUpperCase()}${consequence.slice(1)}`}
          description="This page may be away until you are in the same network as the leader again."
          checked={isMeant}
          onChange={(event) => setIsMeant(event.currentTarget.checked)}
        />
      )}
      <ConfirmFooter
        needs={["POST", `${WHERE}/${active ? "stop" : "start"}`]}
        error={changing.error}
        confirm={active ? "Close network" : "Open network"}
        isConfirming={changing.isPending}
        isDisabled={problem != null || (consequence != null && !isMeant)}
        isDestructive={consequence != null}
        onCancel={onClose}
        onConfirm={() => changing.mutate()}
      />
    </>
  );
}
