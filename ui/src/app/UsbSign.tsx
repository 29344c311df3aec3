/** Says that a USB drive is plugged into the leader, and offers to mount and eject it. */

import { ActionIcon, Popover } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { get } from "@/api/client";
import type { UsbState } from "@/api/types";
import { Icon } from "@/parts/icons";
import { UsbDrives } from "@/parts/UsbDrives";

const REFRESH_MS = 15_000;

export function UsbSign() {
  const usb = useQuery({
    queryKey: ["usb"],
    queryFn: ({ signal }) => get<UsbState>("/unit_api/usb", signal),
    refetchInterval: REFRESH_MS,
  });
  const state = usb.data;
  if (!state || state.status === "absent") return null;
  return (
    <Popover position="bottom-end" width={280}>
      <Popover.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`USB drive: ${stateText(state)}`}>
          <Icon name="plugin" />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <p>USB drive of the leader: {stateText(state)}.</p>
        <UsbDrives state={state} where="/unit_api/usb" onChanged={usb.refetch} />
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
