/** One still, large; the arrow keys and buttons go to the one before and after it, and play them all. */

import { Button, Group, Modal } from "@mantine/core";
import { useEffect, useState } from "react";
import type { Still } from "@/api/types";
import { moment } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { imageOf, takenAt } from "./stills";
import css from "./stills.module.css";

/** Time of a picture while stills are played. */
const FRAME_MS = 120;

interface Props {
  stills: readonly Still[];
  /** The id of the still that is shown; undefined for none. */
  shown: string | undefined;
  unit: string;
  label: string;
  experiment: string;
  onShow: (id: string | undefined) => void;
}

export function StillDialog({ stills, shown, unit, label, experiment, onShow }: Props) {
  const index = stills.findIndex((still) => still.image_id === shown);
  const still = stills[index];
  const before = stills[index - 1]?.image_id;
  const after = index < 0 ? undefined : stills[index + 1]?.image_id;
  useEffect(() => {
    if (shown === undefined) return;
    const onKey = (event: KeyboardEvent): void => {
      const next = event.key === "ArrowLeft" ? before : event.key === "ArrowRight" ? after : undefined;
      if (next !== undefined) onShow(next);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [shown, before, after, onShow]);
  const [isPlaying, setPlaying] = useState(false);
  useEffect(() => {
    if (!isPlaying) return;
    // At the end it stops by itself: there is nothing after the newest still.
    if (after === undefined) {
      setPlaying(false);
      return;
    }
    const timer = setTimeout(() => onShow(after), FRAME_MS);
    return () => clearTimeout(timer);
  }, [isPlaying, after, onShow]);
  const play = (): void => {
    if (!isPlaying && after === undefined) onShow(stills[0]?.image_id);
    setPlaying(!isPlaying);
  };
  return (
    <Modal
      opened={still !== undefined}
      onClose={() => {
        setPlaying(false);
        onShow(undefined);
      }}
      title={label}
      size="auto"
      centered
    >
      {still && (
        <figure className={css.large}>
          <img src={imageOf(unit, experiment, still)} alt={`The vial of ${label}`} />
          <figcaption className="soft small">
            {moment(takenAt(still))} · {still.capture_reason === "manual" ? "taken by hand" : "by schedule"}
          </figcaption>
          <Group justify="space-between" mt="xs">
            <Button variant="default" disabled={before === undefined} onClick={() => onShow(before)}>
              Before
            </Button>
            <Button
              variant="default"
              disabled={stills.length < 2}
              leftSection={<Icon name={isPlaying ? "stop" : "on"} size={16} />}
              onClick={play}
            >
              {isPlaying ? "Stop" : "Play"}
            </Button>
            <Button variant="default" disabled={after === undefined} onClick={() => onShow(after)}>
              After
            </Button>
          </Group>
        </figure>
      )}
    </Modal>
  );
}
