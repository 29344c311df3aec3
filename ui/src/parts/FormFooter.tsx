/** The end of a form: what went wrong, and the buttons that leave it or send it. */

import { Button, Group } from "@mantine/core";
import { type Calls, Needs } from "./Needs";
import { Problem } from "./Problem";

interface Props {
  /** What is sent. */
  needs: Calls;
  error: unknown;
  send: string;
  isSending: boolean;
  isComplete: boolean;
  onCancel: () => void;
}

export function FormFooter({ needs, error, send, isSending, isComplete, onCancel }: Props) {
  return (
    <>
      {error != null && <Problem error={error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onCancel}>
          Cancel
        </Button>
        <Needs call={needs}>
          <Button type="submit" loading={isSending} disabled={!isComplete}>
            {send}
          </Button>
        </Needs>
      </Group>
    </>
  );
}
