/** Asks before a machine restarts or stops; once more where jobs run on it. */

import { Checkbox, Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ask, path, Refused } from "@/api/client";
import { EVERYONE } from "@/live/topics";
import { ConfirmFooter } from "../../parts/ConfirmFooter";

export type PowerAction = "reboot" | "shutdown" | "restart";

const SAID: Record<PowerAction, { title: string; button: string; consequence: string; route: string }> = {
  reboot: { title: "Reboot", button: "Reboot", consequence: "It is away for a minute or two.", route: "reboot" },
  shutdown: {
    title: "Shut down",
    button: "Shut down",
    consequence: "It has to be switched on again by hand.",
    route: "shutdown",
  },
  restart: {
    title: "Restart the web server of",
    button: "Restart web server",
    consequence: "Its jobs continue; its pages and commands are away for some seconds.",
    route: "web_server/restart",
  },
};

/** A machine that no longer answers does what it was asked for. */
export function unlessAway(error: unknown): void {
  const isAway = error instanceof Refused && (error.status === 0 || /cannot be reached/.test(error.message));
  if (!isAway) throw error;
}

interface Props {
  unit: string;
  action: PowerAction | undefined;
  activities: readonly string[];
  onClose: () => void;
}

export function PowerDialog({ unit, action, activities, onClose }: Props) {
  return (
    <Modal
      opened={action !== undefined}
      onClose={onClose}
      title={action === undefined ? "" : `${SAID[action].title} ${unit === EVERYONE ? "all machines" : unit}?`}
    >
      {action && <Question unit={unit} action={action} activities={activities} onClose={onClose} />}
    </Modal>
  );
}

function Question({ unit, action, activities, onClose }: Props & { action: PowerAction }) {
  const { button, consequence, route } = SAID[action];
  const [isMeant, setIsMeant] = useState(false);
  const endsJobs = action !== "restart" && activities.length > 0;
  const doing = useMutation({
    mutationFn: () => {
      const where = `${path("api", "units", unit, "system")}/${route}`;
      const body = action === "restart" ? undefined : { even_with_jobs: endsJobs && isMeant };
      return ask("POST", where, body).catch(unlessAway);
    },
    onSuccess: onClose,
  });
  return (
    <>
      <p>
        {consequence}
        {unit === EVERYONE && " The leader is among them: this page is away as well."}
      </p>
      {endsJobs && (
        <Checkbox
          mt="md"
          label={`End what runs: ${activities.join(", ")}`}
          checked={isMeant}
          onChange={(event) => setIsMeant(event.currentTarget.checked)}
        />
      )}
      <ConfirmFooter
        needs={["POST", `${path("api", "units", unit, "system")}/${route}`]}
        error={doing.error}
        confirm={button}
        isConfirming={doing.isPending}
        isDisabled={endsJobs && !isMeant}
        onCancel={onClose}
        onConfirm={() => doing.mutate()}
      />
    </>
  );
}
