/** Text with highlighted sections and comments, what differs from the saved text, and a way back. */

import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { ask } from "@/api/client";
import type { ConfigVersion } from "@/api/types";
import { CodeArea } from "@/parts/CodeArea";
import { DraftNotice, LeaveGuard, useDraft } from "@/parts/draft";
import { count, moment, secondsOf } from "@/parts/format";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./configuration.module.css";
import { KeyHelp } from "./KeyHelp";
import { differing, highlighted, wrongLines } from "./text";

interface Props {
  where: string;
  saved: string;
  history: readonly ConfigVersion[];
}

export function Editor({ where, saved, history }: Props) {
  const client = useQueryClient();
  const draft = useDraft(`configuration ${where}`, saved);
  const { text, setText } = draft;
  const [at, setAt] = useState(0);
  const shown = useRef<HTMLPreElement>(null);
  const changed = differing(saved, text);
  const wrong = useMemo(() => wrongLines(text), [text]);
  const saving = useMutation({
    mutationFn: () => ask("PATCH", where, { code: text }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["config"] }),
  });

  return (
    <div className={css.editor}>
      <LeaveGuard what="The configuration" unsaved={draft.changed} />
      <DraftNotice draft={draft} />
      <div className={css.paper}>
        <pre ref={shown} aria-hidden="true" className={css.highlight}>
          {highlighted(text).map((line, i) => (
            <span key={i} className={css[line.kind] ?? ""}>
              {`${line.text}\n`}
            </span>
          ))}
        </pre>
        <CodeArea
          className={css.input}
          label="Configuration text"
          value={text}
          onText={setText}
          onSelect={(event) => setAt(event.currentTarget.selectionStart)}
          onScroll={(event) => {
            if (!shown.current) return;
            shown.current.scrollTop = event.currentTarget.scrollTop;
            shown.current.scrollLeft = event.currentTarget.scrollLeft;
          }}
        />
      </div>
      <KeyHelp text={text} at={at} />
      {wrong.map(({ line, reason }) => (
        <p key={line} className={css.wrong} role="status">
          Line {line}: {reason}
        </p>
      ))}
      {saving.error && <Problem error={saving.error} />}
      <div className={css.actions}>
        <span className="soft" role="status">
          {changed > 0 ? `${count(changed, "line")} changed, not saved` : saving.isSuccess ? "Saved" : ""}
        </span>
        {history.length > 0 && (
          <NativeSelect
            aria-label="Earlier versions"
            value=""
            data={[
              { value: "", label: "Earlier versions" },
              ...history.map((one, i) => ({ value: String(i), label: moment(secondsOf(one.timestamp)) })),
            ]}
            onChange={(event) => {
              const version = history[Number(event.currentTarget.value)];
              if (event.currentTarget.value !== "" && version) setText(version.data);
            }}
          />
        )}
        <Button variant="default" disabled={changed === 0} onClick={draft.discard}>
          Undo changes
        </Button>
        <Needs call={["PATCH", where]}>
          <Button
            disabled={changed === 0 || wrong.length > 0}
            loading={saving.isPending}
            onClick={() => saving.mutate()}
          >
            Save
          </Button>
        </Needs>
      </div>
    </div>
  );
}
