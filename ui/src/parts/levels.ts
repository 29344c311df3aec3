/** Log levels, from DEBUG to ERROR. */

export const LEVELS = ["DEBUG", "INFO", "NOTICE", "WARNING", "ERROR"] as const;

export const atLeast = (level: string | null, least: string): boolean => rank(level ?? "INFO") >= rank(least);

/** CRITICAL, and whatever else is unknown, counts as an error, so that no filter hides it. */
function rank(level: string): number {
  const found = (LEVELS as readonly string[]).indexOf(level.toUpperCase());
  return found === -1 ? LEVELS.length - 1 : found;
}
