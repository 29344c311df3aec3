/** Says that a USB drive is plugged into the leader, and mounts and ejects it. */

import { ActionIcon, Button, Popover } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { ask, get } from "@/api/client";
import type { UsbState } from "@/api/types";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";

const REFRESH_MS = 15_000;

export function UsbSign() {
  const usb = useQuery({
    queryKey: ["usb"],
    queryFn: ({ signal }) => get<UsbState>("/unit_api/usb", signal),
    refetchInterval: REFRESH_MS,
  });
  const changing = useMutation({
    mutationFn: (what: "mount" | "eject") => ask("POST", `/unit_api/usb/${what}`, {}),
    onSettled: () => usb.refetch(),
  });
  const state = usb.data;
  if (!state || state.status === "absent") return null;
  const isMounted = state.status === "mounted" || state.status === "mounted_readonly";
  return (
    <Popover position="bottom-end" width={280}>
      <Popover.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`USB drive: ${stateText(state)}`}>
          <Icon name="plugin" />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <p>USB drive of the leader: {stateText(state)}.</p>
        {state.message && <p className="soft small">{state.message}</p>}
        {changing.error && <Problem error={changing.error} />}
        {isMounted && (
          <Needs call={["POST", "/unit_api/usb/eject"]}>
            <Button mt="sm" variant="default" loading={changing.isPending} onClick={() => changing.mutate("eject")}>
              Eject
            </Button>
          </Needs>
        )}
        {state.status === "present_unmounted" && (
          <Needs call={["POST", "/unit_api/usb/mount"]}>
            <Button mt="sm" variant="default" loading={changing.isPending} onClick={() => changing.mutate("mount")}>
              Mount
            </Button>
          </Needs>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

const TEXTS: Record<UsbState["status"], string> = {
  absent: "none",
  present_unmounted: "not mounted",
  mounted: "mounted",
  mounted_readonly: "mounted, read only",
  multiple_present: "several are plugged in",
  unsupported: "its file system cannot be used",
  error: "it cannot be read",
};

/** The state of the drive in words. */
export function stateText(state: Pick<UsbState, "status" | "drives">): string {
  const label = state.drives[0]?.label;
  return label ? `${label}, ${TEXTS[state.status]}` : TEXTS[state.status];
}
