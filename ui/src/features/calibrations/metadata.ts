/** What a step shows besides words, read with care: plugins write it too. */

import type { Curve } from "./curve";
import type { Step } from "./session";

export interface StepImage {
  src: string;
  alt: string;
  caption?: string;
}

export interface StepSeries {
  id: string;
  label: string;
  points: { x: number; y: number }[];
  curve?: Curve;
}

export interface StepChart {
  title: string;
  x_label: string;
  y_label: string;
  series: StepSeries[];
}

export interface StepTable {
  title?: string;
  columns: string[];
  rows: unknown[][];
  empty_message?: string;
}

export interface StepAction {
  label: string;
  inputs: Record<string, unknown>;
}

type Fields = Record<string, unknown>;

const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
const listOf = <T>(value: unknown): T[] => (Array.isArray(value) ? (value as T[]) : []);

function imageIn(value: unknown): StepImage | undefined {
  const image = fieldsOf(value);
  return typeof image?.src === "string" ? { alt: "", ...image, src: image.src } : undefined;
}

const metadataOf = (step: Step): Fields => step.metadata ?? {};

/** Text of the button that carries the step out, where the protocol has one. */
export function buttonOf(step: Step): string | undefined {
  const label = metadataOf(step).primary_action_label;
  return typeof label === "string" && label.trim() !== "" ? label : undefined;
}

export const imageOf = (step: Step): StepImage | undefined => imageIn(metadataOf(step).image);

/** Pictures shown one after the other while the step is carried out: objects, or bare addresses. */
export const loadingImagesOf = (step: Step): StepImage[] =>
  listOf<unknown>(metadataOf(step).loading_images).flatMap(
    (one) => imageIn(typeof one === "string" ? { src: one } : one) ?? [],
  );

export function chartOf(step: Step): StepChart | undefined {
  const chart = fieldsOf(metadataOf(step).chart);
  const series = listOf<StepSeries>(chart?.series).filter((one) => Array.isArray(one?.points));
  if (!chart || series.length === 0) return undefined;
  const text = (key: string): string => (typeof chart[key] === "string" ? (chart[key] as string) : "");
  return { title: text("title"), x_label: text("x_label"), y_label: text("y_label"), series };
}

export function tableOf(step: Step): StepTable | undefined {
  const table = fieldsOf(metadataOf(step).table);
  if (!table) return undefined;
  return {
    ...(table as Partial<StepTable>),
    columns: listOf<string>(table.columns),
    rows: listOf<unknown[]>(table.rows),
  };
}

export const actionsOf = (step: Step): StepAction[] =>
  listOf<StepAction>(metadataOf(step).actions).filter(
    (one) => typeof one?.label === "string" && fieldsOf(one.inputs) !== undefined,
  );

export interface BenchOffer {
  /** A vial is exchanged here: the OD600 that is offered, and the field that takes the placed one. */
  vial?: { od: number; field?: string };
  /** Pumps run into a cup here; the field takes what the scale shows. */
  cup?: { field?: string };
}

/** What the bench of a simulated reactor is good for at this step. */
export function benchOf(step: Step): BenchOffer {
  const bench = fieldsOf(metadataOf(step).bench);
  const [vial, cup] = [fieldsOf(bench?.vial), fieldsOf(bench?.cup)];
  const field = (of: Fields): { field?: string } => (typeof of.field === "string" ? { field: of.field } : {});
  return {
    ...(vial && typeof vial.od === "number" ? { vial: { od: vial.od, ...field(vial) } } : {}),
    ...(cup ? { cup: field(cup) } : {}),
  };
}

export interface Saved {
  name: string;
  device: string;
  active: boolean;
  kind?: string;
  judgment?: unknown;
}

/** What the session left on the unit. */
export const savedBy = (step: Step): Saved[] =>
  listOf<Saved>(fieldsOf(metadataOf(step).result)?.saved).filter(
    (one) => typeof one?.name === "string" && typeof one.device === "string",
  );

const SHOWN_ELSEWHERE = new Set(["chart", "message", "saved", "calibration_name", "estimator_name"]);

/** What came out, as words and numbers: "slope ml per s", "0.0712". */
export function resultOf(step: Step): [name: string, value: string][] {
  const write = (value: unknown): string =>
    typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);
  return Object.entries(fieldsOf(metadataOf(step).result) ?? {}).flatMap(([name, value]): [string, string][] => {
    if (SHOWN_ELSEWHERE.has(name) || value === null || fieldsOf(value)) return [];
    return [[name.replaceAll("_", " "), Array.isArray(value) ? value.map(write).join(" – ") : write(value)]];
  });
}
