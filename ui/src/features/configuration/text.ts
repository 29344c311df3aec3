/** Reads configuration text line by line: what each line is, what is wrong with it, how much of it differs. */

export type LineKind = "section" | "comment" | "pair" | "other";

export interface Line {
  kind: LineKind;
  text: string;
}

function kindOf(line: string): LineKind {
  const trimmed = line.trim();
  if (/^\[.+\]$/.test(trimmed)) return "section";
  if (/^[#;]/.test(trimmed)) return "comment";
  return /^[^=:]+[=:]/.test(trimmed) ? "pair" : "other";
}

export const highlighted = (text: string): Line[] =>
  text.split("\n").map((line) => ({ kind: kindOf(line), text: line }));

export interface Wrong {
  /** Counted from 1. */
  line: number;
  reason: string;
}

/** Return the lines the leader's parser would refuse: the first few, in order. */
export function wrongLines(text: string): Wrong[] {
  const wrong: Wrong[] = [];
  const sections = new Set<string>();
  let keys: Set<string> | undefined;
  text.split("\n").forEach((raw, i) => {
    const line = raw.trim();
    const report = (reason: string): void => void wrong.push({ line: i + 1, reason });
    if (line === "" || /^[#;]/.test(line) || (/^\s/.test(raw) && keys !== undefined && keys.size > 0)) return;
    if (line.startsWith("[")) {
      const name = /^\[(.+)\]$/.exec(line)?.[1];
      if (name === undefined) return report("a section needs a name in brackets");
      if (sections.has(name)) report(`section [${name}] stands twice`);
      sections.add(name);
      keys = new Set();
      return;
    }
    const key = /^([^=:]+?)\s*[=:]/.exec(line)?.[1]?.toLowerCase();
    if (key === undefined) return report("neither a section, nor key=value, nor a comment");
    if (keys === undefined) return report("stands before the first section");
    if (keys.has(key)) report(`${key} stands twice in its section`);
    keys.add(key);
  });
  return wrong.slice(0, 5);
}

/** Return how many lines of the new text are not lines of the old one, or were dropped from it. */
export function differing(before: string, after: string): number {
  if (before === after) return 0;
  const left = new Map<string, number>();
  for (const line of before.split("\n")) left.set(line, (left.get(line) ?? 0) + 1);
  let added = 0;
  for (const line of after.split("\n")) {
    const n = left.get(line) ?? 0;
    if (n > 0) left.set(line, n - 1);
    else added++;
  }
  const dropped = [...left.values()].reduce((a, b) => a + b, 0);
  return Math.max(1, added, dropped);
}

/** Return the section and the key at a place of the text, each undefined where there is none. */
export function placeAt(text: string, at: number): { section: string | undefined; key: string | undefined } {
  const lines = text.slice(0, at).split("\n");
  const line = text.split("\n")[lines.length - 1] ?? "";
  const before = [...lines.slice(0, -1), line];
  const section = before.map((one) => /^\[(.+)\]$/.exec(one.trim())?.[1]).findLast((one) => one !== undefined);
  const key = kindOf(line) === "pair" ? /^\s*([^=:]+?)\s*[=:]/.exec(line)?.[1] : undefined;
  return { section, key };
}
