/** What a real cluster answered and published (`scripts/record_panel.py`), moved in time and to any number of units. */

import answersText from "./recording/answers.json?raw";
import messagesText from "./recording/messages.json?raw";

export interface RecordedAnswer {
  status: number;
  body: unknown;
  /** The last answer about the task that was started. */
  task?: unknown;
}

export interface RecordedMessage {
  /** Seconds of the cluster's own time since the recording began. */
  atS: number;
  topic: string;
  payload: string;
}

export interface Recording {
  experiment: string;
  units: readonly string[];
  /** The cluster's own time when the recording began [s]. */
  startS: number;
  /** Length of the recorded stretch of messages [s]. */
  lengthS: number;
  /** Answers to GET by path, without the query. */
  answers: Map<string, RecordedAnswer>;
  retained: Map<string, string>;
  /** Oldest first. */
  live: readonly RecordedMessage[];
}

interface AnswersFile {
  recorded_at: string;
  experiment: string;
  units: string[];
  answers: Record<string, RecordedAnswer>;
}

interface MessagesFile {
  length_s: number;
  retained: Record<string, string>;
  live: Record<string, [atS: number, payload: string][]>;
}

const TIMESTAMP = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)/g;

export const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** Move every timestamp in a text by some seconds. */
export const shiftTimes = (text: string, byS: number): string =>
  byS === 0 ? text : text.replace(TIMESTAMP, (found) => iso(Date.parse(found) / 1000 + byS));

export const unitName = (index: number): string => `reactor-${String(index + 1).padStart(2, "0")}`;

/** A recorded time series: names and points in two lists of the same order. */
const isTimeSeries = (value: object): value is { series: string[]; data: unknown[] } =>
  "series" in value && "data" in value && Array.isArray(value.series) && Array.isArray(value.data);

const timestampOf = (value: unknown): string | undefined => {
  const { timestamp } = (typeof value === "object" && value !== null ? value : {}) as { timestamp?: unknown };
  return typeof timestamp === "string" ? timestamp : undefined;
};

/** Gives recorded units the names of the demo, and repeats what they said for units beyond those recorded. */
export class Cast {
  constructor(
    private readonly recorded: readonly string[],
    private readonly count: number,
  ) {}

  /** Names of the demo that a recorded unit stands for. */
  private namesOf(unit: string): string[] {
    const first = this.recorded.indexOf(unit);
    const names: string[] = [];
    for (let index = first; index < this.count; index += this.recorded.length) names.push(unitName(index));
    return names;
  }

  /** The only recorded unit that a text mentions, or undefined. */
  private ownerOf(text: string): string | undefined {
    const mentioned = this.recorded.filter((unit) => text.includes(unit));
    return mentioned.length === 1 ? mentioned[0] : undefined;
  }

  /** Rename the recorded units in a text, or only one of them. */
  private rename(text: string, unit?: string, name?: string): string {
    if (unit !== undefined && name !== undefined) return text.replaceAll(unit, name);
    return this.recorded.reduce((renamed, one, index) => renamed.replaceAll(one, unitName(index)), text);
  }

  private copies<T>(value: T): T[] | undefined {
    const text = JSON.stringify(value);
    const owner = this.ownerOf(text);
    if (owner === undefined) return undefined;
    return this.namesOf(owner).map((name) => JSON.parse(this.rename(text, owner, name)) as T);
  }

  private list(values: readonly unknown[]): unknown[] {
    const copied = values.map((one) => this.copies(one) ?? [this.spread(one)]);
    const rounds = Math.max(0, ...copied.map((copies) => copies.length));
    const all = Array.from({ length: rounds }, (_, round) =>
      copied.filter((copies) => round < copies.length).map((copies) => copies[round]),
    ).flat();
    if (!all.every((one) => timestampOf(one) !== undefined)) return all;
    return all.sort((a, b) => (timestampOf(b) ?? "").localeCompare(timestampOf(a) ?? ""));
  }

  /** Return a recorded value as a cluster of the wanted size would have said it. */
  spread(value: unknown): unknown {
    if (typeof value === "string") return this.rename(value);
    if (Array.isArray(value)) return this.list(value);
    if (typeof value !== "object" || value === null) return value;
    if (isTimeSeries(value)) {
      const pairs = this.list(value.series.map((name, index) => [name, value.data[index]])) as [string, unknown][];
      return { series: pairs.map(([name]) => name), data: pairs.map(([, points]) => points) };
    }
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, one]): [string, unknown][] =>
        this.ownerOf(key) ? (this.copies([key, one]) ?? this.apart(key, one)) : [[key, this.spread(one)]],
      ),
    );
  }

  /** An entry under a unit's name that mentions other units too. */
  private apart(key: string, value: unknown): [string, unknown][] {
    return [[this.rename(key), this.spread(value)]];
  }

  /** Topics and payloads for all units that stand for the one that published. */
  messages(topic: string, payload: string): [topic: string, payload: string][] {
    const owner = this.ownerOf(topic);
    if (owner === undefined) return [[this.rename(topic), this.rename(payload)]];
    return this.namesOf(owner).map((name) => [
      this.rename(topic, owner, name),
      this.rename(this.rename(payload, owner, name)),
    ]);
  }
}

/** Return the recording as it came from the cluster. */
export function recordedFiles(shiftS = 0): { answers: AnswersFile; messages: MessagesFile } {
  return {
    answers: JSON.parse(shiftTimes(answersText, shiftS)) as AnswersFile,
    messages: JSON.parse(shiftTimes(messagesText, shiftS)) as MessagesFile,
  };
}

/** Return the recording for some units, as if it had begun at `startS`. */
export function loadRecording(unitCount: number, startS?: number): Recording {
  const recordedS = Date.parse(recordedFiles().answers.recorded_at) / 1000;
  const { answers, messages } = recordedFiles(startS === undefined ? 0 : startS - recordedS);
  const cast = new Cast(answers.units, unitCount);
  const live = Object.entries(messages.live).flatMap(([topic, sent]) =>
    sent.flatMap(([atS, payload]) =>
      cast.messages(topic, payload).map(([to, text]) => ({ atS, topic: to, payload: text })),
    ),
  );
  const spread = new Map(Object.entries(cast.spread(answers.answers) as Record<string, RecordedAnswer>));
  const units = Array.from({ length: unitCount }, (_, index) => unitName(index));
  // Labels are unique in an experiment: units beyond those recorded have none.
  const labels = spread.get(`/api/experiments/${answers.experiment}/unit_labels`)?.body as Record<string, string>;
  for (const unit of units.slice(answers.units.length)) delete labels[unit];
  return {
    experiment: answers.experiment,
    units,
    startS: startS ?? recordedS,
    lengthS: messages.length_s,
    answers: spread,
    retained: new Map(Object.entries(messages.retained).flatMap(([topic, payload]) => cast.messages(topic, payload))),
    live: live.sort((a, b) => a.atS - b.atS),
  };
}
