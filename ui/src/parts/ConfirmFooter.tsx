/** The end of a dialog that asks before something is done: what went wrong, and the buttons that leave it or do it. */

import { Button, Group } from "@mantine/core";
import { type Calls, Needs } from "./Needs";
import { Problem } from "./Problem";

interface Props {
  /** What is sent. */
  needs: Calls;
  error: unknown;
  confirm: string;
  isConfirming: boolean;
  isDisabled?: boolean;
  /** Whether something is lost by it. */
  isDestructive?: boolean;
  onCancel: () => void;
  onConfirm: () => void;
}

export function ConfirmFooter(props: Props) {
  const { needs, error, confirm, isConfirming, isDisabled = false, isDestructive = true, onCancel, onConfirm } = props;
  return (
    <>
      {error != null && <Problem error={error} />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onCancel}>
          Cancel
        </Button>
        <Needs call={needs}>
          <Button
            {...(isDestructive && { color: "red" })}
            loading={isConfirming}
            disabled={isDisabled}
            onClick={onConfirm}
          >
            {confirm}
          </Button>
        </Needs>
      </Group>
    </>
  );
}
