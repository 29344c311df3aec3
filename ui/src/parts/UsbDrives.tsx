/** The USB drives of a machine: what each is, and the button that mounts or ejects it. */

import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { ask } from "@/api/client";
import type { UsbState } from "@/api/types";
import { Needs } from "./Needs";
import { Problem } from "./Problem";

type Drive = UsbState["drives"][number];

interface Props {
  state: UsbState;
  /** The route of the drives of the machine. */
  where: string;
  onChanged: () => Promise<unknown>;
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

export const nameOf = ({ label, device }: Drive): string => label || device;

/** What a drive is, and how much room it has. */
export function driveText(drive: Drive): string {
  const { filesystem, size_bytes, free_bytes, path, is_readonly } = drive;
  const size = free_bytes == null ? gigabytes(size_bytes) : `${gigabytes(free_bytes)} of ${gigabytes(size_bytes)} free`;
  const use = path == null ? "not mounted" : is_readonly ? "mounted, read only" : "mounted";
  return [nameOf(drive), filesystem || "no file system", size, use].join(", ");
}

export function UsbDrives({ state, where, onChanged }: Props) {
  const changing = useMutation({
    mutationFn: ({ drive, what }: { drive: Drive; what: string }) =>
      ask("POST", `${where}/${what}`, { device: drive.device }),
    onSettled: onChanged,
  });
  return (
    <>
      {state.message && <p className="soft small">{state.message}</p>}
      {state.drives.map((drive) => {
        const [what, title] = drive.path == null ? ["mount", "Mount"] : ["eject", "Eject"];
        return (
          <p key={drive.device}>
            {driveText(drive)}{" "}
            {state.status !== "unsupported" && (
              <Needs call={["POST", `${where}/${what}`]}>
                <Button
                  variant="default"
                  size="compact-xs"
                  loading={changing.isPending}
                  aria-label={`${title} ${nameOf(drive)}`}
                  onClick={() => changing.mutate({ drive, what })}
                >
                  {title}
                </Button>
              </Needs>
            )}
          </p>
        );
      })}
      {changing.error && <Problem error={changing.error} />}
    </>
  );
}
