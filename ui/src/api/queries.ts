/** What the pages ask the leader, each question once. */

import { type FetchQueryOptions, type UseQueryResult, useQueries, useQuery } from "@tanstack/react-query";
import { ALL, logsOf } from "@/live/topics";
import { completedBy, get, path } from "./client";
import { narrowed, narrowedJob } from "./descriptors";
import { type Ini, parseIni } from "./ini";
import { assignedTo, CHARTS, chartPreferences, EXPERIMENTS, JOBS, labelsIn, SHARED_CONFIG, WORKERS } from "./routes";
import type {
  Assignment,
  AutomationDescriptor,
  AutomationKind,
  ChartDescriptor,
  ChartPreferences,
  Experiment,
  JobDescriptor,
  JobRow,
  LogRow,
  Quarantined,
  ReactorModel,
  SettingsCollection,
  Worker,
} from "./types";

const MINUTE = 60_000;

/** What is asked, and for how long [ms] the answer counts as new. */
const asked = <T>(queryKey: readonly unknown[], where: string, staleTime = 5_000) => ({
  queryKey,
  queryFn: ({ signal }: { signal: AbortSignal }): Promise<T> => get<T>(where, signal),
  staleTime,
});

function useGet<T>(key: readonly unknown[], where: string, staleMs?: number, enabled = true): UseQueryResult<T, Error> {
  return useQuery({ ...asked<T>(key, where, staleMs), enabled });
}

export const experimentsAsked = asked<Experiment[]>(["experiments"], EXPERIMENTS);

export const useExperiments = () => useQuery(experimentsAsked);

const workersAsked = asked<Worker[]>(["workers"], WORKERS);

export const useWorkers = () => useQuery(workersAsked);

const assignedAsked = (experiment: string) =>
  asked<Assignment[]>(["experiments", experiment, "workers"], assignedTo(experiment));

export const useAssigned = (experiment: string, enabled = true) => useQuery({ ...assignedAsked(experiment), enabled });

/** Which experiment each assigned unit takes part in. */
export const useAssignments = (enabled = true) =>
  useGet<Assignment[]>(["assignments"], "/api/workers/assignments", 0, enabled);

const labelsAsked = (experiment: string) =>
  asked<Record<string, string>>(["experiments", experiment, "unit_labels"], labelsIn(experiment), 10_000);

export const useLabels = (experiment: string, enabled = true) => useQuery({ ...labelsAsked(experiment), enabled });

export function useModels(): UseQueryResult<ReactorModel[], Error> {
  return useQuery({
    queryKey: ["models"],
    queryFn: async ({ signal }) => (await get<{ models: ReactorModel[] }>("/api/models", signal)).models,
    staleTime: 10 * MINUTE,
  });
}

const jobsAsked = asked<JobDescriptor[]>(["descriptors", "jobs"], JOBS, 10 * MINUTE);

export const useJobDescriptors = () => useQuery(jobsAsked);

export const useSettingsCollections = () =>
  useGet<SettingsCollection[]>(["descriptors", "settings"], "/api/settings/descriptors", 10 * MINUTE);

export const useAutomations = (kind: AutomationKind, enabled = true) =>
  useGet<AutomationDescriptor[]>(
    ["descriptors", "automations", kind],
    path("api", "automations", "descriptors", kind),
    10 * MINUTE,
    enabled,
  );

/** Ask units of one model for their own descriptions: the first that answers stands for all of them. */
const ownDescriptors = <T>(units: readonly string[], ...rest: readonly string[]) => ({
  queryKey: ["descriptors", units, ...rest],
  queryFn: async ({ signal }: { signal: AbortSignal }): Promise<T[]> => {
    let refused: unknown;
    for (const unit of units) {
      try {
        return await get<T[]>(path("api", "workers", unit, rest[0] ?? "", "descriptors", ...rest.slice(1)), signal);
      } catch (error) {
        refused = error;
      }
    }
    throw refused;
  },
  staleTime: 10 * MINUTE,
  retry: false,
});

/** Automations with the bounds that hold on all of these units; the leader's own until a unit has answered. */
export function useAutomationsOf(units: readonly string[], kind: AutomationKind) {
  const leader = useAutomations(kind);
  const answers = useQueries({
    queries: useGroupedByModel(units).map((same) => ownDescriptors<AutomationDescriptor>(same, "automations", kind)),
  });
  return { ...leader, data: narrowed(answers.flatMap(({ data }) => (data ? [data] : []))) ?? leader.data };
}

/** A job with the bounds that hold on all of these units. */
export function useJobOf(units: readonly string[], job: JobDescriptor): JobDescriptor {
  const answers = useQueries({
    queries: useGroupedByModel(units).map((same) => ownDescriptors<JobDescriptor>(same, "jobs")),
  });
  const found = answers.flatMap(({ data }) => data?.filter((one) => one.job_name === job.job_name) ?? []);
  return narrowedJob(found) ?? job;
}

/** The values of a unit that belong to no single job, with its own bounds; the leader's until it has answered. */
export function useSettingsCollectionsOf(unit: string): UseQueryResult<SettingsCollection[], Error> {
  const leader = useSettingsCollections();
  const own = useQuery(ownDescriptors<SettingsCollection>([unit], "settings"));
  return own.data ? own : leader;
}

/** Units by model: those of one model have the same bounds. */
function useGroupedByModel(units: readonly string[]): string[][] {
  const workers = useWorkers().data;
  if (units.length === 1) return [[...units]];
  const byModel = new Map<string, string[]>();
  for (const { pioreactor_unit: unit, model_name, model_version } of workers ?? []) {
    if (!units.includes(unit)) continue;
    const model = `${model_name} ${model_version}`;
    byModel.set(model, [...(byModel.get(model) ?? []), unit]);
  }
  return [...byModel.values()];
}

const chartsAsked = asked<ChartDescriptor[]>(["descriptors", "charts"], CHARTS, 10 * MINUTE);

export const useChartDescriptors = () => useQuery(chartsAsked);

const preferencesAsked = (experiment: string) =>
  asked<ChartPreferences>(["experiments", experiment, "chart preferences"], chartPreferences(experiment), MINUTE);

export const useChartPreferences = (experiment: string) => useQuery(preferencesAsked(experiment));

const configAsked = {
  queryKey: ["config", "shared", "parsed"],
  queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Ini> =>
    parseIni(await get<string>(SHARED_CONFIG, signal)),
  staleTime: MINUTE,
};

/** What pages with charts ask for. */
export const forCharts: readonly FetchQueryOptions[] = [
  workersAsked,
  jobsAsked,
  chartsAsked,
  configAsked,
] as FetchQueryOptions[];

/** What pages with charts ask for about an experiment. */
export const forChartsOf = (experiment: string): readonly FetchQueryOptions[] =>
  [assignedAsked(experiment), labelsAsked(experiment), preferencesAsked(experiment)] as FetchQueryOptions[];

export const useSharedConfig = (): UseQueryResult<Ini, Error> => useQuery(configAsked);

/** The jobs on the leader that carry out profiles in an experiment. */
export const useRunningProfiles = (experiment: string, everyMs = 3_000) =>
  useQuery({
    ...asked<JobRow[]>(
      ["profiles running", experiment],
      path("api", "experiments", experiment, "experiment_profiles", "running"),
      0,
    ),
    enabled: experiment !== "",
    refetchInterval: everyMs,
  });

export const useQuarantined = () => useGet<Quarantined>(["quarantine"], "/api/quarantine?limit=1", MINUTE);

/** The latest events of an experiment, and of the units themselves. */
export const useRecentLogs = (experiment: string, level: string) =>
  useQuery({
    ...asked<LogRow[]>(
      ["experiments", experiment, "recent_logs", level],
      `${path("api", "experiments", experiment, "recent_logs")}?min_level=${level}`,
      MINUTE,
    ),
    ...completedBy(logsOf(ALL)),
  });
