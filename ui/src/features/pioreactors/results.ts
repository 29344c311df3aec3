/** What the checks of a unit found: its self-test, and the blank of an experiment. */

export interface Result {
  name: string;
  /** What was tested, in words. */
  words: string;
  passed: boolean;
  message?: string | undefined;
  remedy?: string | undefined;
}

type Failure = { message?: string | null; remedy?: string | null };

function parsed<T>(payload: string | undefined): T | undefined {
  try {
    return payload === undefined ? undefined : (JSON.parse(payload) as T);
  } catch {
    return undefined;
  }
}

/** Results of the last self-test out of what the unit keeps at the broker, failures first. */
export function resultsIn(values: Record<string, string>): Result[] {
  const byName = Object.fromEntries(
    Object.entries(values).map(([topic, payload]) => [topic.split("/").at(-1) ?? "", payload]),
  );
  const failures = parsed<Record<string, Failure>>(byName.failures) ?? {};
  return Object.entries(byName)
    .filter(([name, payload]) => name.startsWith("test_") && (payload === "0" || payload === "1"))
    .map(([topic, payload]) => {
      const name = topic.slice("test_".length);
      const words = name.replaceAll("_dot_", ".").replaceAll("_", " ");
      return {
        name,
        words: words.charAt(0).toUpperCase() + words.slice(1),
        passed: payload === "1",
        message: failures[name]?.message ?? undefined,
        remedy: failures[name]?.remedy ?? undefined,
      };
    })
    .sort((a, b) => Number(a.passed) - Number(b.passed) || a.words.localeCompare(b.words));
}

/** Readings without a culture, by photodiode. */
export const blankIn = (means: string | undefined): [channel: string, level: number][] =>
  Object.entries(parsed<Record<string, number>>(means) ?? {}).filter(
    (one): one is [string, number] => typeof one[1] === "number",
  );
