/** Faults that a healthy cluster does not show: edits of recorded answers and messages, refused where they do not fit. */

import { setting, state } from "@/live/topics";
import { iso, type RecordedAnswer, type Recording, shiftTimes, unitName } from "./recording";

/** Seconds since when the lost unit is silent, and since when records of another wait. */
const LOST_FOR_S = 2280;
const WAITING_FOR_S = 3300;

export const LOST_UNIT = unitName(4);
const PAUSED_UNIT = unitName(1);
const WAITING_UNIT = unitName(2);
const WORN_PUMP_UNIT = unitName(0);

/** What the leader reports for a unit that does not answer. */
export const noAnswer = (unit: string) => ({
  ok: false,
  unit,
  error: {
    kind: "connection_error",
    message: "does not answer",
    cause: null,
    remediation: "Check its power and network.",
  },
});

/** Replace fields of a JSON payload; throws when the recording has no such field. */
export function withFields(payload: string, fields: Record<string, unknown>): string {
  const recorded = JSON.parse(payload) as Record<string, unknown>;
  for (const key of Object.keys(fields)) if (!(key in recorded)) throw new Error(`nothing recorded has "${key}"`);
  return JSON.stringify({ ...recorded, ...fields });
}

function edit(recording: Recording, topic: string, change: (payload: string) => string): void {
  const before = recording.retained.get(topic);
  if (before === undefined) throw new Error(`nothing was recorded of ${topic}`);
  recording.retained.set(topic, change(before));
  recording.live.forEach((message) => {
    if (message.topic === topic) message.payload = change(message.payload);
  });
}

function answerOf(recording: Recording, path: string): RecordedAnswer {
  const found = recording.answers.get(path);
  if (!found) throw new Error(`nothing was recorded of ${path}`);
  return found;
}

/** A unit without power: it is reported lost, its values are old, and it does not answer. */
function loseUnit(recording: Recording, unit: string): void {
  const mine = `pioreactor/${unit}/`;
  for (const [topic, payload] of recording.retained) {
    if (topic.startsWith(mine))
      recording.retained.set(topic, topic.endsWith("/$state") ? "lost" : shiftTimes(payload, -LOST_FOR_S));
  }
  recording.live = recording.live.filter(({ topic }) => !topic.startsWith(mine));
  for (const [path, { task, body }] of recording.answers) {
    const result = (task as { result?: Record<string, unknown> } | undefined)?.result;
    if (result && unit in result) result[unit] = noAnswer(unit);
    if (path.includes("/time_series/")) endSeries(body as Series, unit, recording.startS - LOST_FOR_S);
  }
}

interface Series {
  series: string[];
  data: { x: string; y: number }[][];
}

function endSeries(body: Series, unit: string, endS: number): void {
  const end = iso(endS);
  body.data = body.data.map((points, i) =>
    body.series[i]?.startsWith(unit) ? points.filter(({ x }) => x < end) : points,
  );
}

/** A unit whose records have not reached the leader for nearly an hour. */
function keepRecordsWaiting(recording: Recording, unit: string): void {
  const fields = { waiting: 1204, timestamp: iso(recording.startS - WAITING_FOR_S) };
  edit(recording, setting(unit, "$experiment", "monitor", "safe_up_to"), (payload) => withFields(payload, fields));
}

/** Dosing that a power cut left paused. */
function pauseDosing(recording: Recording, unit: string): void {
  edit(recording, state(unit, recording.experiment, "dosing_automation"), () => "sleeping");
  const { task } = answerOf(recording, `/api/workers/${unit}/jobs/running`);
  const { result } = task as { result: Record<string, { value: { job_name: string; job_source: string }[] }> };
  for (const job of result[unit]?.value ?? []) if (job.job_name === "dosing_automation") job.job_source = "resume";
}

/** A media pump that moves less than its calibration says. */
function wearPump(recording: Recording, unit: string): void {
  edit(recording, setting(unit, recording.experiment, "growth_rate_calculating", "estimate"), (payload) =>
    withFields(payload, { pump_gain: 0.96, pump_gain_sd: 0.01 }),
  );
}

/** Give a recording of a healthy cluster a fault on each of some units, as far as it has them. */
export function addFaults(recording: Recording): void {
  if (recording.units.includes(LOST_UNIT)) loseUnit(recording, LOST_UNIT);
  keepRecordsWaiting(recording, WAITING_UNIT);
  pauseDosing(recording, PAUSED_UNIT);
  wearPump(recording, WORN_PUMP_UNIT);
}
