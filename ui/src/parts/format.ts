/** How numbers, ages and moments are written. */

export function fixed(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text;
}

/** Three or so significant digits, never scientific: what an instrument shows. */
export function reading(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return fixed(value, 0);
  if (size >= 10) return fixed(value, 1);
  if (size >= 1) return fixed(value, 2);
  if (size >= 0.1) return fixed(value, 3);
  return fixed(value, 4);
}

/** A number as a person would type it: six digits at most, no trailing zeros. */
export const plain = (value: number): string => String(Number(value.toPrecision(6)));

/** With the declared decimals, and more when those would leave nothing to read. */
export const legible = (value: number, decimals: number): string =>
  value !== 0 && Math.abs(value) < 10 ** (1 - decimals) ? reading(value) : fixed(value, decimals);

/** "12 s", "4 min", "3.2 h", "5 d". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.round(s / 60)} min`;
  if (s < 36_000) return `${(s / 3600).toFixed(1)} h`;
  if (s < 172_800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86_400)} d`;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** Formats are made when they are first needed: each costs a cold page several milliseconds. */
function lazily(options: Intl.DateTimeFormatOptions): (seconds: number) => string {
  let format: Intl.DateTimeFormat | undefined;
  return (seconds) => {
    format ??= new Intl.DateTimeFormat(undefined, options);
    return format.format(seconds * 1000);
  };
}

/** "14:05". */
export function clock(seconds: number): string {
  const at = new Date(seconds * 1000);
  return `${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** "14:05:09". */
export const clockWithSeconds = (seconds: number): string =>
  `${clock(seconds)}:${two(new Date(seconds * 1000).getSeconds())}`;

export const day = lazily({ day: "numeric", month: "short" });
export const moment = lazily({
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  hour12: false,
});

/** Return seconds since 1970 of an ISO moment; one without an offset is UTC. */
export function secondsOf(iso: string): number {
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/.test(iso);
  return Date.parse(hasZone ? iso : `${iso.replace(" ", "T")}Z`) / 1000;
}

/** "1 record waits", "1,204 records wait". */
export const many = (n: number, one: string, more: string): string => `${n.toLocaleString()} ${n === 1 ? one : more}`;

/** "1 unit", "3 units". */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
