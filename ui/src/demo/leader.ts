/** Answers the page's requests from a recording; what only changes something is answered by `writes.ts`. */

import { type Answer, type Method, Refused, type Transport } from "@/api/client";
import { parseIni } from "@/api/ini";
import {
  assignedTo,
  CHARTS,
  chartPreferences,
  EXPERIMENTS,
  JOBS,
  labelsIn,
  SHARED_CONFIG,
  WORKERS,
} from "@/api/routes";
import type { ChartPreferences, LogRow, Overview, ReactorModel, TimeSeries, Worker } from "@/api/types";
import { EVERYONE } from "@/live/topics";
import { atLeast } from "@/parts/levels";
import { alarmReads, someAlarms } from "./alarms";
import { cameraAnswer } from "./cameras";
import { campaignAnswer } from "./campaigns";
import type { DemoCluster } from "./cluster";
import { capabilitiesOfAll, KEYS } from "./descriptions";
import { DATASETS, EXPORTS, ROWS } from "./exports";
import { LOST_UNIT } from "./faults";
import { RECORD } from "./imports";
import { machineReads } from "./machines";
import { pluginsOf } from "./plugins";
import { someProposals } from "./proposals";
import { iso, type RecordedAnswer } from "./recording";
import { rehearsalAnswer } from "./rehearsals";
import { RELEASES, updateOf } from "./updates";
import { CONFIGURED, ok, type Route, refused, someTokens, writes } from "./writes";

const LATENCY_MS = 40;
const LOGS_PER_PAGE = 100;
const RECENT_LOGS = 50;

/** The pattern of an OpenAPI path, each parameter a group. */
export const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll("$", "\\$").replace(/\{[^}]+\}/g, "([^/]+)")}$`);

/** Tasks of the demo: what is answered about each once it ended. */
export class Tasks {
  private readonly ends = new Map<string, { polls: number; answer: unknown }>();

  /** Begin a task that ends with an answer of `/unit_api/task_results`. */
  begin(answer: unknown): Answer {
    const task_id = `task-${this.ends.size + 1}`;
    const result_url_path = `/unit_api/task_results/${task_id}`;
    this.ends.set(result_url_path, { polls: 0, answer });
    return { status: 202, body: { unit: "leader", task_id, result_url_path, status: "accepted" } };
  }

  /** Begin a task that succeeds. */
  succeed(result: unknown): Answer {
    return this.begin({ status: "succeeded", result });
  }

  poll(path: string): Answer {
    const found = this.ends.get(path);
    if (!found) return refused(404, "There is no such task");
    return found.polls++ < 1 ? { status: 202, body: { status: "pending" } } : { status: 200, body: found.answer };
  }
}

/** What a query leaves of a recorded body. */
function selected(path: string, body: unknown, query: URLSearchParams, nowS: number): unknown {
  if (path.includes("/time_series/")) {
    const since = query.get("start_time") ?? iso(nowS - Number(query.get("lookback") ?? 4) * 3600);
    const until = query.get("end_time") ?? iso(nowS);
    const { series, data } = body as TimeSeries;
    return { series, data: data.map((points) => points.filter(({ x }) => x >= since && x <= until)) };
  }
  if (path.endsWith("logs")) {
    const skip = Number(query.get("skip") ?? 0);
    const [search, wanted] = [(query.get("search") ?? "").toLowerCase(), query.get("task")];
    const rows = (body as LogRow[]).filter(
      ({ level, message, task }) =>
        atLeast(level, query.get("min_level") ?? "INFO") &&
        message.toLowerCase().includes(search) &&
        (wanted === null || task === wanted),
    );
    return rows.slice(skip, skip + (path.endsWith("recent_logs") ? RECENT_LOGS : LOGS_PER_PAGE));
  }
  return body;
}

/** What an experiment without units and readings answers where another has a recording. */
function emptied(body: unknown): unknown {
  if (Array.isArray(body)) return [];
  const keys = Object.keys((body ?? {}) as object);
  return keys.includes("series") ? { series: [], data: [] } : {};
}

function modelOf(cluster: DemoCluster, unit: string): ReactorModel | undefined {
  const recorded = <T>(path: string): T => cluster.recording.answers.get(path)?.body as T;
  const worker = recorded<Worker[]>("/api/workers").find((one) => one.pioreactor_unit === unit);
  return recorded<{ models: ReactorModel[] }>("/api/models").models.find(
    (one) => one.model_name === worker?.model_name && one.model_version === worker?.model_version,
  );
}

/** What the leader describes as a unit does: within the bounds of its model. */
function boundedBy(model: ReactorModel | undefined, answer: RecordedAnswer | undefined): RecordedAnswer | undefined {
  if (!model || !answer) return answer;
  const most: Record<string, number> = {
    target_temperature: model.max_temp_to_reduce_heating,
    current_volume_ml: model.reactor_capacity_ml,
    efflux_tube_volume_ml: model.reactor_capacity_ml,
  };
  const body = JSON.parse(JSON.stringify(answer.body), (_, value) =>
    typeof value?.key === "string" && value.key in most ? { ...value, max: most[value.key] } : value,
  ) as unknown;
  return { ...answer, body };
}

function findAnswer(cluster: DemoCluster, path: string): RecordedAnswer | undefined {
  const { answers } = cluster.recording;
  const exact = answers.get(path);
  if (exact) return exact;
  const described = /^\/api\/workers\/([^/]+)(\/(?:jobs|automations|settings)\/descriptors.*)$/.exec(path);
  if (described) return boundedBy(modelOf(cluster, described[1] ?? ""), answers.get(`/api${described[2]}`));
  const other = /^\/api\/experiments\/([^/]+)(\/.+)$/.exec(path);
  const like = other && answers.get(`/api/experiments/${cluster.experiment}${other[2]}`);
  return like ? { status: like.status, body: emptied(like.body) } : undefined;
}

/** What each unit answers about its software: one is being updated, one has kept its version. */
function updatesOfAll(cluster: DemoCluster): Record<string, unknown> {
  const workers = cluster.recording.answers.get("/api/workers")?.body as Worker[];
  const names = ["leader", ...workers.map(({ pioreactor_unit }) => pioreactor_unit)];
  return Object.fromEntries(names.map((unit, index) => [unit, { ok: true, unit, value: updateOf(unit, index) }]));
}

/** What each unit answers about its plugins. */
function pluginsOfAll(cluster: DemoCluster): Record<string, unknown> {
  const workers = (cluster.recording.answers.get("/api/workers")?.body ?? []) as { pioreactor_unit: string }[];
  return Object.fromEntries(
    workers.map(({ pioreactor_unit: unit }, index) => [unit, { ok: true, unit, value: pluginsOf(index) }]),
  );
}

/** All that the overview draws first, of the answers to the routes that have its parts. */
function overviewOf(
  cluster: DemoCluster,
  wanted: string | null,
  read: (path: string, query: URLSearchParams) => Answer | undefined,
): Overview {
  const part = <K extends keyof Overview>(path: string): Overview[K] =>
    read(path, new URLSearchParams())?.body as Overview[K];
  const experiments = part<"experiments">(EXPERIMENTS);
  const experiment = experiments.some((one) => one.experiment === wanted) ? (wanted as string) : cluster.experiment;
  return {
    experiments,
    workers: part<"workers">(WORKERS),
    jobs: part<"jobs">(JOBS),
    charts: part<"charts">(CHARTS),
    config: part<"config">(SHARED_CONFIG),
    experiment,
    assigned: part<"assigned">(assignedTo(experiment)),
    labels: part<"labels">(labelsIn(experiment)),
    chart_preferences: part<"chart_preferences">(chartPreferences(experiment)),
  };
}

/** The transport of a page in front of a recorded cluster. */
export function leaderOf(cluster: DemoCluster, { signedIn = true, latencyMs = LATENCY_MS } = {}): Transport {
  const tasks = new Tasks();
  const session = {
    signedIn,
    tokens: someTokens(cluster.nowS),
    alarms: someAlarms(cluster.nowS),
    charts: new Map<string, ChartPreferences>(),
  };
  const routes: [Method, RegExp, Route][] = writes(cluster, tasks, session).map(([method, path, route]) => [
    method,
    patternOf(path),
    route,
  ]);

  const machines = machineReads(cluster);
  const alarms = alarmReads(cluster, session.alarms);

  const read = (path: string, query: URLSearchParams): Answer | undefined => {
    if (path === "/auth/me" && !session.signedIn) return refused(401, "Not signed in");
    if (path === "/auth/tokens") return ok(session.tokens);
    const ofCampaigns = campaignAnswer(path);
    if (ofCampaigns !== undefined) return ok(ofCampaigns);
    const rehearsed = rehearsalAnswer(path);
    if (rehearsed !== undefined) return ok(rehearsed);
    if (path === "/api/proposals") return ok(someProposals(cluster.nowS));
    if (path === "/api/datasets/exportable") return ok(DATASETS);
    if (path === "/api/datasets/exports") return ok(EXPORTS);
    if (path.startsWith("/api/datasets/exportable/")) return ok(ROWS);
    if (path === `/api/units/${EVERYONE}/system/update`) return tasks.succeed(updatesOfAll(cluster));
    if (path === "/api/system/releases") return ok(RELEASES);
    if (path === `/api/units/${EVERYONE}/plugins/installed`) return tasks.succeed(pluginsOfAll(cluster));
    if (path === `/api/units/${EVERYONE}/capabilities`) return tasks.succeed(capabilitiesOfAll(cluster));
    if (path === "/api/overview") return ok(overviewOf(cluster, query.get("experiment"), read));
    if (path === "/api/config/keys") return ok(KEYS);
    if (/^\/api\/experiments\/[^/]+\/record$/.test(path)) return ok(RECORD);
    if (path.startsWith("/unit_api/task_results/")) return tasks.poll(path);
    if (path.endsWith("/chart_preferences")) return ok(session.charts.get(path) ?? CONFIGURED);
    const file = /\/calibrations\/[^/]+\/([^/]+)\/file$/.exec(path)?.[1];
    if (file !== undefined) return ok(`calibration_name: ${file}\n`);
    const ofCameras = cameraAnswer(cluster, path);
    if (ofCameras !== undefined) return ok(ofCameras);
    const known = machines[path] ?? alarms[path];
    if (known) return ok(known());
    if (path.startsWith(`/api/units/${LOST_UNIT}/system/`))
      return refused(503, `${LOST_UNIT} cannot be reached: no response within 5 s`, "Check that the unit is on.");
    const unit = /^\/api\/config\/units\/([^/]+)$/.exec(path)?.[1];
    if (unit !== undefined) {
      const shared = cluster.recording.answers.get("/api/config/shared")?.body as string;
      return ok({ configs: { [unit]: parseIni(shared) }, errors: {} });
    }
    const found = findAnswer(cluster, path);
    if (!found) return undefined;
    if (found.task !== undefined) return tasks.begin(found.task);
    return { status: found.status, body: selected(path, found.body, query, cluster.nowS) };
  };

  return async (method, where, body) => {
    await new Promise((resolve) => setTimeout(resolve, latencyMs));
    const url = new URL(where, "http://leader");
    const path = decodeURIComponent(url.pathname);
    if (method === "GET") {
      const answer = read(path, url.searchParams);
      if (answer) return structuredClone(answer);
    }
    for (const [verb, pattern, route] of routes) {
      const match = verb === method ? pattern.exec(path) : null;
      if (match) return structuredClone(route(match.slice(1), (body ?? {}) as Record<string, unknown>));
    }
    if (method === "GET")
      throw new Refused(`The recording has no answer to GET ${path}: add it in scripts/record_panel.py.`, 0);
    throw new Refused(`The demo has no answer to ${method} ${path}.`, 0);
  };
}
