/** What a profile does, as a list a person can read: at which hour, on which units, what. */

export interface Step {
  /** Hours since the start; Infinity for what waits for a condition. */
  hours: number;
  when: string;
  who: string;
  job: string;
  what: string;
}

type Raw = Record<string, unknown>;

const isRaw = (value: unknown): value is Raw => typeof value === "object" && value !== null && !Array.isArray(value);
const UNITS: Record<string, number> = { s: 1 / 3600, m: 1 / 60, h: 1, d: 24 };

/** Hours of `t`: a number is hours, a text a number with s, m, h or d. */
export function hoursOf(value: unknown): number {
  if (typeof value === "number") return value;
  const found = /^(\d+(?:\.\d+)?)([smhd])$/i.exec(String(value ?? ""));
  return found?.[1] !== undefined && found[2] !== undefined ? Number(found[1]) * (UNITS[found[2].toLowerCase()] ?? 1) : 0;
}

const pairs = (options: unknown): string =>
  isRaw(options)
    ? Object.entries(options)
        .map(([key, value]) => `${key.replaceAll("_", " ")} ${String(value)}`)
        .join(", ")
    : "";

const inner = (action: Raw): string =>
  (Array.isArray(action.actions) ? action.actions : [])
    .filter(isRaw)
    .map((one) => words(one))
    .join("; ");

function words(action: Raw): string {
  const options = pairs(action.options);
  switch (action.type) {
    case "start":
      return options ? `start with ${options}` : "start";
    case "update":
      return `set ${options}`;
    case "log":
      return isRaw(action.options) ? `note: ${String(action.options.message ?? "")}` : "note";
    case "repeat": {
      const every = action.repeat_every_hours ?? action.every;
      const most = action.max_hours ?? action.max_time;
      return `every ${written(hoursOf(every))}${most === undefined ? "" : ` for ${written(hoursOf(most))}`}: ${inner(action)}`;
    }
    case "when":
      return `when ${String(action.wait_until ?? action.condition ?? "")}: ${inner(action)}`;
    default:
      return String(action.type ?? "");
  }
}

/** "90 min", "4 h", "2.5 d". */
export function written(hours: number): string {
  if (hours < 1 / 60) return `${Math.round(hours * 3600)} s`;
  if (hours < 2) return `${Number((hours * 60).toFixed(1))} min`;
  return hours < 72 ? `${Number(hours.toFixed(2))} h` : `${Number((hours / 24).toFixed(2))} d`;
}

function ofJobs(jobs: unknown, who: string): Step[] {
  if (!isRaw(jobs)) return [];
  return Object.entries(jobs).flatMap(([job, block]) =>
    (isRaw(block) && Array.isArray(block.actions) ? block.actions : []).filter(isRaw).map((action) => {
      const hours = hoursOf(action.t ?? action.hours_elapsed);
      const condition = action.if === undefined || action.if === true ? "" : ` if ${String(action.if)}`;
      return { hours, when: hours === 0 ? "at the start" : `after ${written(hours)}`, who, job: job.replaceAll("_", " "), what: words(action) + condition };
    }),
  );
}

/** Return every action of a profile in the order of time. */
export function timeline(profile: Raw): Step[] {
  const common = isRaw(profile.common) ? ofJobs(profile.common.jobs, "all units") : [];
  const single = isRaw(profile.pioreactors) ? Object.entries(profile.pioreactors).flatMap(([unit, block]) => (isRaw(block) ? ofJobs(block.jobs, unit) : [])) : [];
  return [...common, ...single].sort((a, b) => a.hours - b.hours);
}
