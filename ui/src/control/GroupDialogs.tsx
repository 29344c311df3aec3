/** The dialogs that command all units of an experiment at once. */

import type { ComponentProps } from "react";
import { ControlAll } from "./ControlAll";
import { StopEverything } from "./StopEverything";

interface Props extends Omit<ComponentProps<typeof ControlAll>, "opened"> {
  dialog: string | undefined;
}

export function GroupDialogs({ dialog, ...group }: Props) {
  const { experiment, units, onClose } = group;
  return (
    <>
      <ControlAll opened={dialog === "control"} {...group} />
      <StopEverything opened={dialog === "stop"} onClose={onClose} experiment={experiment} units={units} />
    </>
  );
}
