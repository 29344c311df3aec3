/** Text that a person writes and has not saved: kept in this browser, over reloads and visits of other pages. */

import { Button, Group, Modal } from "@mantine/core";
import { useCallback, useEffect, useState } from "react";
import { useBlocker } from "react-router";
import { recall, remember } from "./remembered";

const KEY = "pioreactor.draft.";

interface Kept {
  text: string;
  /** What the text was written from. */
  base: string;
}

function keptAt(key: string): Kept | undefined {
  try {
    const kept = JSON.parse(recall(KEY + key) ?? "null") as Kept | null;
    return kept && typeof kept.text === "string" && typeof kept.base === "string" ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** Return the text that was written and not saved, or undefined. */
export const draftAt = (key: string): string | undefined => keptAt(key)?.text;

export interface Draft {
  text: string;
  setText: (text: string) => void;
  changed: boolean;
  /** Written on an earlier visit. */
  restored: boolean;
  /** What was saved has changed since the text was begun. */
  outdated: boolean;
  /** Go back to what is saved, and keep nothing. */
  discard: () => void;
}

/** Follow the text of an editor; what differs from `saved` outlives the page. */
export function useDraft(key: string, saved: string): Draft {
  const [found] = useState(() => keptAt(key));
  const [text, show] = useState(found?.text ?? saved);
  const [restored, setRestored] = useState(found !== undefined && found.text !== saved);
  const [base, setBase] = useState(found?.base ?? saved);
  const changed = text !== saved;
  useEffect(() => {
    remember(KEY + key, changed ? JSON.stringify({ text, base } satisfies Kept) : undefined);
    if (!changed) setBase(saved);
  }, [key, text, base, changed, saved]);
  const discard = useCallback(() => {
    show(saved);
    setRestored(false);
    remember(KEY + key, undefined);
  }, [key, saved]);
  return { text, setText: show, changed, restored: restored && changed, outdated: base !== saved && changed, discard };
}

/** Ask before the tab is closed or another page is opened while text is not saved. */
export function LeaveGuard({ what, unsaved }: { what: string; unsaved: boolean }) {
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) => unsaved && currentLocation.pathname !== nextLocation.pathname,
  );
  useEffect(() => {
    if (!unsaved) return undefined;
    const hold = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", hold);
    return () => removeEventListener("beforeunload", hold);
  }, [unsaved]);
  return (
    <Modal opened={blocker.state === "blocked"} onClose={() => blocker.reset?.()} title={`${what} is not saved`}>
      <p>Your changes are kept in this browser and are here when you come back. They do not take effect before that.</p>
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={() => blocker.proceed?.()}>
          Leave
        </Button>
        <Button data-autofocus onClick={() => blocker.reset?.()}>
          Stay
        </Button>
      </Group>
    </Modal>
  );
}

/** Says that text of an earlier visit is shown, and offers what is saved instead. */
export function DraftNotice({ draft }: { draft: Draft }) {
  if (!draft.restored && !draft.outdated) return null;
  return (
    <p role="status" className="soft">
      {draft.restored && "Changes of an earlier visit that were not saved are shown. "}
      {draft.outdated && "What is saved has changed since they were begun. "}
      <Button variant="default" size="compact-sm" onClick={draft.discard}>
        Discard them
      </Button>
    </p>
  );
}
