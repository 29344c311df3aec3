/** Log levels, from DEBUG to ERROR. */

export const LEVELS = ["DEBUG", "INFO", "NOTICE", "WARNING", "ERROR"] as const;

/** Levels as a filter says them. */
export const LEVEL_CHOICES: { value: (typeof LEVELS)[number]; label: string }[] = [
  { value: "DEBUG", label: "Everything" },
  { value: "INFO", label: "Information and above" },
  { value: "NOTICE", label: "Notices and above" },
  { value: "WARNING", label: "Warnings and errors" },
  { value: "ERROR", label: "Errors only" },
];

export const atLeast = (level: string | null, least: string): boolean => rank(level ?? "INFO") >= rank(least);

/** CRITICAL, and whatever else is unknown, counts as an error, so that no filter hides it. */
function rank(level: string): number {
  const found = (LEVELS as readonly string[]).indexOf(level.toUpperCase());
  return found === -1 ? LEVELS.length - 1 : found;
}
