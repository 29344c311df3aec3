/** Waits for a click in a chart, whose moment the next note is about. */

import { Button } from "@mantine/core";
import { useEffect } from "react";
import { Icon } from "@/parts/icons";

export function PlaceNote({ placing, onChange }: { placing: boolean; onChange: (placing: boolean) => void }) {
  useEffect(() => {
    if (!placing) return undefined;
    const cancel = (event: KeyboardEvent): void => {
      if (event.key === "Escape") onChange(false);
    };
    addEventListener("keydown", cancel);
    return () => removeEventListener("keydown", cancel);
  }, [placing, onChange]);
  return (
    <>
      <Button
        size="compact-sm"
        variant={placing ? "light" : "default"}
        leftSection={<Icon name="edit" size={15} />}
        aria-pressed={placing}
        onClick={() => onChange(!placing)}
      >
        Place note
      </Button>
      {placing && (
        <span role="status" className="soft small">
          Click in a chart, at the time of the note.
        </span>
      )}
    </>
  );
}
