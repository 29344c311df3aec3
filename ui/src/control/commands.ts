/** The commands a person can give to a unit, all over HTTP. */

import { ask, path } from "@/api/client";
import type { Call } from "@/api/rights";
import { bus } from "@/live/bus";
import { valueText } from "@/live/hooks";
import * as topics from "@/live/topics";
import { type Shown, shown } from "@/parts/states";
import { sameValue } from "./outcome";
import { unitOf } from "./units";
import type { Command } from "./useCommand";

export type Value = string | number | boolean;

export interface Where {
  /** The unit addressed, or `$broadcast`. */
  unit: string;
  /** The units that are expected to answer. */
  units: readonly string[];
  experiment: string;
  job: string;
}

export interface StartWith {
  options?: Record<string, Value | null>;
  args?: string[];
  /** Configuration for this run alone. */
  overrides?: readonly ConfigOverride[];
}

export type ConfigOverride = readonly [section: string, key: string, value: string];

const RUNNING: readonly Shown[] = ["Starting", "On", "Paused"];

const jobPath = (verb: string, { unit, job, experiment }: Where): string =>
  path("api", "workers", unit, "jobs", verb, "job_name", job, "experiments", experiment);

/** The requests that start a job and that change one, for controls that ask whether a person may send them. */
export const starting = (where: Where): Call => ["PATCH", jobPath("run", where)];
export const changing = (where: Where): Call => ["PATCH", jobPath("update", where)];
export const stoppingAll = (unit: string, experiment: string): Call => [
  "POST",
  path("api", "workers", unit, "jobs", "stop", "experiments", experiment),
];
export const blinking = (unit: string): Call => ["POST", path("api", "workers", unit, "blink")];

/** The units that will have something to say: those whose job is in one of these states, or all when none is. */
function concerned({ units, experiment, job }: Where, inStates: readonly Shown[]): readonly string[] {
  const some = units.filter((unit) => inStates.includes(shown(bus.store.value(topics.state(unit, experiment, job)))));
  return some.length > 0 ? some : units;
}

const states = (where: Where, inStates: readonly Shown[]): string[] =>
  concerned(where, inStates).map((unit) => topics.state(unit, where.experiment, where.job));

/** `init` is an answer too: the job's process lives and says so. */
export function start(where: Where, startWith: StartWith = {}): Command {
  return {
    answers: states(where, ["Off", "Lost"]),
    confirms: (payload) => payload === "init" || payload === "ready",
    issue: () =>
      ask("PATCH", jobPath("run", where), {
        options: startWith.options ?? {},
        args: startWith.args ?? [],
        env: { JOB_SOURCE: "user" },
        config_overrides: startWith.overrides ?? [],
      }),
  };
}

export function stop(where: Where): Command {
  return {
    answers: states(where, RUNNING),
    confirms: (payload) => payload === "disconnected",
    issue: () => ask("PATCH", jobPath("stop", where)),
  };
}

export function change(where: Where, key: string, value: Value, of: readonly Shown[] = RUNNING): Command {
  return {
    answers: concerned(where, of).map((unit) => topics.setting(unit, where.experiment, where.job, key)),
    confirms: (payload) => sameValue(value, payload),
    // A unit that refuses a value publishes the one that stays in force. States pass through others on their way.
    ...(key.startsWith("$") ? {} : { keeps: (topic, payload) => `${unitOf(topic)} keeps ${payload}.` }),
    isAnswered: true,
    issue: () => ask("PATCH", jobPath("update", where), { settings: { [key]: value } }),
  };
}

export const pause = (where: Where): Command => change(where, "$state", "sleeping", ["On"]);
export const resume = (where: Where): Command => change(where, "$state", "ready", ["Paused"]);

/** Correct the unit's estimate of its vial's contents. */
export function correctVial(unit: string, experiment: string, variable: string, value: number): Command {
  return {
    answers: [topics.bioreactor(unit, experiment, variable)],
    confirms: (payload) => sameValue(value, valueText(payload)),
    issue: () =>
      ask("PATCH", path("api", "workers", unit, "bioreactor", "update", "experiments", experiment), {
        values: { [variable]: value },
      }),
  };
}

export const stopEverything = (unit: string, experiment: string): Promise<unknown> =>
  ask("POST", path("api", "workers", unit, "jobs", "stop", "experiments", experiment));

export const blink = (unit: string): Promise<unknown> => ask("POST", path("api", "workers", unit, "blink"));
