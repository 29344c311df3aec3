/** Takes lines of YAML apart for their colors: keys, comments, expressions and all else. */

export interface Piece {
  kind: "key" | "comment" | "expression" | "other";
  text: string;
}

/** Quoted text, expression, comment, or key; anything else stands between them. */
const PIECES =
  /("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(\$\{\{.*?\}\})|((?:^|\s)#.*$)|((?:^|[\s{,])(?:- +)*[A-Za-z_$][\w$.-]*(?=\s*:(?:\s|$)))/g;

/** Return a line in pieces that add up to it. */
export function piecesOf(line: string): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const match of line.matchAll(PIECES)) {
    const [text, quoted, expression, comment] = match;
    if (match.index > end) found.push({ kind: "other", text: line.slice(end, match.index) });
    const isExpression = expression !== undefined || (quoted?.includes("${{") ?? false);
    const kind = isExpression
      ? "expression"
      : comment !== undefined
        ? "comment"
        : quoted === undefined
          ? "key"
          : "other";
    found.push({ kind, text });
    end = match.index + text.length;
  }
  if (end < line.length) found.push({ kind: "other", text: line.slice(end) });
  return found;
}
