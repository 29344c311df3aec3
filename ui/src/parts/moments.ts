/** Moments as fields of forms write them. */

type Range = readonly [from: number, to: number];

/** Write a moment [s] for a field of date and time, in the browser's own time zone. */
export function localMoment(seconds: number): string {
  const date = new Date(Math.round(seconds) * 1000);
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Read such a moment [s]; NaN when it cannot be read. */
export const momentAt = (text: string): number => new Date(text).getTime() / 1000;

/** Return what is wrong with a stretch, or undefined. */
export function wrongRange([from, to]: Range): string | undefined {
  if (Number.isNaN(from) || Number.isNaN(to)) return "Give date and time of both";
  return to - from < 2 ? "Ends before it begins" : undefined;
}
