/** Spells and matches the topics of the cluster. */

export const CLUSTER = "$experiment";
export const EVERYONE = "$broadcast";
/** Any one level of a topic: all units, or all experiments. */
export const ALL = "+";

export const setting = (unit: string, experiment: string, job: string, name: string): string =>
  `pioreactor/${unit}/${experiment}/${job}/${name}`;

export const state = (unit: string, experiment: string, job: string): string =>
  setting(unit, experiment, job, "$state");

export const monitor = (unit: string, name: string): string => setting(unit, CLUSTER, "monitor", name);

export const bioreactor = (unit: string, experiment: string, variable: string): string =>
  setting(unit, experiment, "bioreactor", variable);

/** The growth rate of a unit with its band. */
export const ESTIMATE = "growth_rate_calculating/estimate";

/** Everything one experiment says, and what the units say about themselves. */
export const ofExperiment = (experiment: string): string => `pioreactor/+/${experiment}/#`;
export const ofMonitors = `pioreactor/+/${CLUSTER}/monitor/#`;
/** Log entries of an experiment, of one unit or of all. */
export const logsOf = (experiment: string, unit = ALL): string => `pioreactor/${unit}/${experiment}/logs/#`;
export const ofClusterLogs = `pioreactor/+/${CLUSTER}/logs/#`;

/** The numbers of open alarms, from the leader. */
export const ofAlarms = `pioreactor/+/${CLUSTER}/alarms/summary`;

export interface TopicParts {
  unit: string;
  experiment: string;
  rest: string[];
}

export function parse(topic: string): TopicParts | undefined {
  const [root, unit, experiment, ...rest] = topic.split("/");
  if (root !== "pioreactor" || !unit || !experiment || rest.length === 0) return undefined;
  return { unit, experiment, rest };
}

/** Say whether a topic, taken apart at its slashes, matches a filter taken apart likewise. */
export function matchesLevels(wanted: readonly string[], given: readonly string[]): boolean {
  for (let index = 0; index < wanted.length; index++) {
    const level = wanted[index];
    if (level === "#") return true;
    if (index >= given.length || (level !== "+" && level !== given[index])) return false;
  }
  return wanted.length === given.length;
}

/** Say whether a topic matches an MQTT filter (`+` one level, `#` the rest). */
export const matches = (filter: string, topic: string): boolean => matchesLevels(filter.split("/"), topic.split("/"));

/** Say whether some topic matches both filters. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [one.split("/"), other.split("/")];
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [left, right] = [a[index], b[index]];
    if (left === "#" || right === "#") return true;
    if (left !== right && left !== "+" && right !== "+") return false;
    if (left === undefined || right === undefined) return false;
  }
  return true;
}
