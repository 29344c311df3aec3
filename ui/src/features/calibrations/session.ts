/** Guided calibrations: who drives, where they stand, and what a person typed. */

import type { components } from "@/api/schema";
import { type Checked, checked } from "@/control/validation";
import { plain } from "@/parts/format";
import { recall, remember } from "@/parts/remembered";

type Schemas = components["schemas"];
export type SessionAnswer = Schemas["SessionAnswer"];
export type Step = Schemas["CalibrationStep"];
export type Field = Partial<Schemas["CalibrationStepField"]> &
  Pick<Schemas["CalibrationStepField"], "name" | "label" | "field_type">;
export type Protocol = Schemas["DescribedProtocol"];

/** A name for this browser, the same every time: a session has one driver at a time. */
export function driverName(person: string): string {
  const key = "pioreactor.browser";
  let browser = recall(key);
  if (browser === undefined) {
    browser = Array.from(crypto.getRandomValues(new Uint8Array(2)), (byte) => byte.toString(16).padStart(2, "0")).join(
      "",
    );
    remember(key, browser);
  }
  return `${person}, browser ${browser}`;
}

export interface Begun {
  unit: string;
  session: Schemas["CalibrationSession"];
}

/** Unfinished sessions of the workers that answered, the latest first. */
export function unfinished(answers: unknown): Begun[] {
  const units = Object.entries((answers ?? {}) as Record<string, { ok: boolean; value?: Begun["session"][] }>);
  return units
    .flatMap(([unit, answer]) => (answer.ok ? (answer.value ?? []) : []).map((session) => ({ unit, session })))
    .filter((one) => one.session.status === "in_progress")
    .sort((a, b) => b.session.updated_at.localeCompare(a.session.updated_at));
}

const NAMING = ["name_input", "name_overwrite_confirm"];
const STAGES: Record<string, [stage: string, steps: string[]][]> = {
  duration_based: [
    ["Prepare", ["intro_confirm_1", "intro_confirm_2", "intro_confirm_3", ...NAMING]],
    ["Volumes and power", ["volume_targets", "pwm_settings"]],
    ["Fill the tubes", ["tubing_into_water", "prime_pump_duration"]],
    ["First look", ["tracer_run", "tracer_volume"]],
    ["Test runs", ["test_run", "test_volume"]],
  ],
  dc_based: [
    ["Range", ["intro"]],
    ["Measure", ["run_calibration"]],
  ],
  standards: [
    ["Prepare", ["intro", ...NAMING, "channel_confirm", "rpm_input"]],
    ["Standards", ["place_standard", "measure_standard", "another_standard"]],
    ["Blank", ["place_blank", "measure_blank"]],
  ],
  od_fusion_standards: [
    ["Prepare", ["intro", ...NAMING, "rpm_input"]],
    [
      "Standards",
      ["place_standard", "measure_standard", "record_observation", "remove_observation", "another_standard"],
    ],
  ],
  od_fusion_offset: [
    ["Prepare", ["intro", "choose_estimator", ...NAMING, "rpm_input"]],
    ["Standards", ["place_standard", "record_observation"]],
  ],
};

/** The stages of a protocol and which one a step belongs to; none for a protocol or step that is not known here. */
export function stagesOf(protocol: string, step: string): { names: string[]; at: number } | undefined {
  const stages = STAGES[protocol];
  if (!stages) return undefined;
  const names = [...stages.map(([name]) => name), "Done"];
  const at = step === "complete" ? stages.length : stages.findIndex(([, steps]) => steps.includes(step));
  return at < 0 ? undefined : { names, at };
}

export type Entered = string | boolean;

/** What a field holds before anybody types. */
export function initial({ field_type, default: given }: Field): Entered {
  if (field_type === "bool") return given === true;
  if (given === null || given === undefined) return "";
  return Array.isArray(given) ? given.map((one) => plain(Number(one))).join(", ") : String(given);
}

function number(field: Field, text: string): Checked {
  const value = Number(text.trim().replace(",", "."));
  if (!Number.isFinite(value)) return { ok: false, reason: "Not a number" };
  if (typeof field.minimum === "number" && value < field.minimum)
    return { ok: false, reason: field.min_error_msg ?? `At least ${plain(field.minimum)}` };
  if (typeof field.maximum === "number" && value > field.maximum)
    return { ok: false, reason: field.max_error_msg ?? `At most ${plain(field.maximum)}` };
  if (field.field_type === "int" && !Number.isInteger(value)) return { ok: false, reason: "Not a whole number" };
  return { ok: true, value };
}

export type FieldChecked = { ok: true; value: Entered | number | number[] } | { ok: false; reason: string };

/** Check what was typed by the rules the unit applies; the unit has the last word. */
export function check(field: Field, entered: Entered): FieldChecked {
  if (typeof entered === "boolean") return { ok: true, value: entered };
  const blank = checked(
    { required: field.required !== false && (field.default === null || field.default === undefined) },
    entered,
  );
  if (!blank.ok || entered.trim() === "") return blank;
  if (field.field_type === "float" || field.field_type === "int") return number(field, entered);
  if (field.field_type !== "float_list") return { ok: true, value: entered.trim() };
  const values = entered
    .split(/[,;\s]+/)
    .filter((one) => one !== "")
    .map((one) => number(field, one));
  const wrong = values.find((one) => !one.ok);
  return wrong ?? { ok: true, value: values.flatMap((one) => (one.ok ? [Number(one.value)] : [])) };
}

/** A device as people call it: pumps by their words, optical density by its angle. */
export function deviceName(device: string): string {
  if (device === "od") return "OD at all angles";
  const angle = /^od(\d+)$/.exec(device)?.[1];
  return angle ? `OD at ${angle}°` : device.replace(/^od_/, "OD_").replaceAll("_", " ");
}
