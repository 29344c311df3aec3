/** QR codes as outlines. */

/** Return the path of the dark modules ("1"), each a square of size one, runs of a row in one piece. */
export function outlineOf(rows: readonly string[]): string {
  return rows
    .flatMap((row, y) =>
      [...row.matchAll(/1+/g)].map(({ 0: run, index }) => `M${index} ${y}h${run.length}v1h-${run.length}z`),
    )
    .join("");
}
