/** A field for text with line numbers; lines with findings are marked and say what is wrong beside them. */

import { type RefObject, useRef } from "react";
import type { Diagnostic } from "@/api/types";
import { CodeArea } from "@/parts/CodeArea";
import { byWeight } from "./profiles";
import css from "./profiles.module.css";
import { YamlText } from "./YamlText";

interface Props {
  label: string;
  value: string;
  found: readonly Diagnostic[];
  field: RefObject<HTMLTextAreaElement | null>;
  onText: (text: string) => void;
}

export function MarkedText({ label, value, found, field, onText }: Props) {
  const gutter = useRef<HTMLDivElement>(null);
  const colored = useRef<HTMLPreElement>(null);
  const lines = value.split("\n");
  const marks = worstByLine(found);
  return (
    <div className={css.marked}>
      <div className={css.gutter} ref={gutter} aria-hidden="true">
        {lines.map((_, i) => {
          const mark = marks.get(i + 1);
          return (
            <div key={i} className={mark && css[mark.severity]} title={mark?.message}>
              {mark && (mark.severity === "error" ? "✕ " : mark.severity === "warning" ? "! " : "i ")}
              {i + 1}
            </div>
          );
        })}
      </div>
      <div className={css.paper}>
        <pre className={css.colored} ref={colored} aria-hidden="true">
          <YamlText text={value} />
        </pre>
        <CodeArea
          className={css.text}
          label={label}
          value={value}
          ref={field}
          onText={onText}
          onScroll={({ currentTarget: { scrollTop, scrollLeft } }) => {
            if (gutter.current) gutter.current.scrollTop = scrollTop;
            if (!colored.current) return;
            colored.current.scrollTop = scrollTop;
            colored.current.scrollLeft = scrollLeft;
          }}
        />
      </div>
    </div>
  );
}

/** The worst finding of each line. */
export function worstByLine(found: readonly Diagnostic[]): ReadonlyMap<number, Diagnostic> {
  const marks = new Map<number, Diagnostic>();
  for (const one of byWeight(found)) if (one.line != null && !marks.has(one.line)) marks.set(one.line, one);
  return marks;
}

/** Put the cursor at a finding, and the line in view. */
export function goTo(field: HTMLTextAreaElement | null, one: Diagnostic): void {
  if (!field || one.line == null) return;
  const before = field.value.split("\n").slice(0, one.line - 1);
  const at = before.reduce((sum, line) => sum + line.length + 1, 0) + (one.column ?? 1) - 1;
  field.focus();
  field.setSelectionRange(at, at);
  field.scrollTop = (field.scrollHeight / Math.max(1, field.value.split("\n").length)) * Math.max(0, one.line - 4);
}
