/** The end of a form: what went wrong, and the buttons that leave it or send it. */

import { Button, Group } from "@mantine/core";
import { Problem } from "./Problem";

interface Props {
  error: unknown;
  send: string;
  isSending: boolean;
  isComplete: boolean;
  onCancel: () => void;
}

export function FormFooter({ error, send, isSending, isComplete, onCancel }: Props) {
  return (
    <>
      {error != null && <Problem error={error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onCancel}>
          Cancel
        </Button>
        <Button type="submit" loading={isSending} disabled={!isComplete}>
          {send}
        </Button>
      </Group>
    </>
  );
}
