/** How good a calibration is, as its unit judges it, and the names of axes with their units. */

export interface Judgment {
  grade: "good" | "fair" | "poor" | "unknown" | "unusable";
  summary: string;
  doubts: string[];
  r?: number | null;
  residual?: number | null;
  ratio?: number | null;
  compared_with?: string | null;
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** The fit in words and numbers: "Good fit: r 0.9987, residual 0.8 % of the span, 10 points". */
export const fitInWords = ({ summary }: Judgment): string => capital(summary);

/** What the change against the active one is, or undefined where nothing was compared. */
export function changeInWords({ ratio, compared_with }: Judgment): string | undefined {
  if (typeof ratio !== "number" || !compared_with) return undefined;
  return `For equal readings ${ratio} times the values of ${compared_with}, the active one`;
}

/** Read a judgment with care: units of an earlier version send none. */
export function judgmentIn(value: unknown): Judgment | undefined {
  const found = value as Partial<Judgment> | null | undefined;
  if (typeof found?.summary !== "string" || !Array.isArray(found.doubts)) return undefined;
  return found as Judgment;
}

const AXES: Record<string, string> = {
  Duration: "Duration (s)",
  Volume: "Volume (mL)",
  Voltage: "Reading (V, relative to the reference)",
  OD600: "OD600 (AU)",
  OD: "OD (AU)",
  "DC %": "Duty (%)",
  RPM: "Speed (RPM)",
};

/** The name of an axis with its unit; one of a plugin as it is. */
export const axisLabel = (name: string): string => AXES[name] ?? name;

const CONDITIONS: [key: string, label: string, unit: string][] = [
  ["voltage", "Supply", "V"],
  ["hz", "PWM frequency", "Hz"],
  ["pwm_hz", "PWM frequency", "Hz"],
  ["dc", "Duty", "%"],
  ["ir_led_intensity", "IR LED intensity", "%"],
  ["angle", "Angle", "°"],
  ["pd_channel", "Photodiode", ""],
  ["rpm", "Stirring", "RPM"],
];

/** The conditions under which it was made, as label and value; a supply that was not measured is omitted. */
export function conditionsOf(calibration: object): [label: string, value: string][] {
  const fields = calibration as Record<string, unknown>;
  return CONDITIONS.flatMap(([key, label, unit]): [string, string][] => {
    const value = fields[key];
    if (value === undefined || value === null || (key === "voltage" && Number(value) <= 0)) return [];
    return [[label, unit === "°" ? `${String(value)}°` : `${String(value)} ${unit}`.trim()]];
  });
}
