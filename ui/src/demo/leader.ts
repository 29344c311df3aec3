/** Answers the page's requests the way a leader does, with tasks, refusals and delays. */

import { type Answer, Refused, type Transport } from "@/api/client";
import type { TimeSeries, Worker } from "@/api/types";
import { calibrations } from "./calibrations";
import { type DemoCluster, iso } from "./cluster";
import type { Moment } from "./culture";
import { AUTOMATIONS, CHARTS, COLLECTIONS, CONFIG, JOBS, MODELS } from "./descriptors";
import { PREVIEW, PROFILE } from "./profiles";

type Route = (match: RegExpExecArray, body: Record<string, unknown>, query: URLSearchParams) => Answer;

const ok = (body: unknown, status = 200): Answer => ({ status, body });
const no = (status: number, error: string, remediation?: string): Answer => ({
  status,
  body: { error, status, cause: error, remediation },
});

const COLUMNS: Record<string, [keyof Moment, string]> = {
  od_readings: ["od", "-2"],
  growth_rates: ["growth", ""],
  od_readings_filtered: ["nod", ""],
  temperature_readings: ["temperature", ""],
  liquid_volumes: ["volume", ""],
};

function timeSeries(cluster: DemoCluster, table: string, query: URLSearchParams): TimeSeries {
  const [field, suffix] = COLUMNS[table] ?? ["od", ""];
  const since = cluster.now - Number(query.get("lookback") ?? 4) * 3600;
  const most = Number(query.get("target_points") ?? 720);
  const found = [...cluster.history].map(([unit, moments]): [string, TimeSeries["data"][number]] => {
    const recent = moments.filter((moment) => moment.at >= since);
    const stride = Math.max(1, Math.ceil(recent.length / most));
    return [
      unit + suffix,
      recent.filter((_, i) => i % stride === 0).map((moment) => ({ x: iso(moment.at), y: moment[field] })),
    ];
  });
  if (table === "dosing_events") {
    const dosed = [...cluster.history].map(([unit, moments]) => ({
      unit,
      data: moments
        .filter((one) => one.dosedMl > 0 && one.at >= since)
        .map((one) => ({ x: iso(one.at), y: one.dosedMl })),
    }));
    return { series: dosed.map(({ unit }) => unit), data: dosed.map(({ data }) => data) };
  }
  return { series: found.map(([name]) => name), data: found.map(([, data]) => data) };
}

export function leaderOf(cluster: DemoCluster): Transport {
  const tasks = new Map<string, { polls: number; result: unknown }>();
  let signedIn = !location.search.includes("signed-out");
  let shared = CONFIG;
  const history = [{ timestamp: iso(cluster.now - 86_400 * 3), data: CONFIG.replace("=500", "=400") }];

  const task = (result: unknown): Answer => {
    const task_id = `task-${tasks.size + 1}`;
    tasks.set(task_id, { polls: 0, result });
    return ok(
      { unit: "reactor-01", task_id, result_url_path: `/unit_api/task_results/${task_id}`, status: "accepted" },
      202,
    );
  };
  const targets = (unit: string): string[] => (unit === "$broadcast" ? [...cluster.assigned] : [unit]);
  const living = (unit: string): string[] => targets(unit).filter((one) => one !== "reactor-05");
  const later = (ms: number, act: () => void): void => void setTimeout(act, ms);
  const workers = (): Worker[] => cluster.workers.filter((worker) => cluster.assigned.has(worker.pioreactor_unit));

  const run: Route = (match, body) => {
    const [, unit = "", job = ""] = match;
    const options = (body.options ?? {}) as Record<string, unknown>;
    for (const one of living(unit)) {
      later(700, () => cluster.setting(one, job, "$state", "init"));
      later(900, () =>
        Object.entries(options).forEach(([key, value]) => cluster.setting(one, job, key, String(value))),
      );
      later(2200, () => {
        cluster.setting(one, job, "$state", "ready");
        cluster.log(one, job, "INFO", "Ready.");
      });
    }
    return task(
      Object.fromEntries(
        targets(unit).map((one) => [
          one,
          one === "reactor-05"
            ? {
                ok: false,
                unit: one,
                error: {
                  kind: "connection_error",
                  message: "does not answer",
                  remediation: "Check its power and network.",
                },
              }
            : { ok: true, unit: one, value: {} },
        ]),
      ),
    );
  };
  const stop: Route = ([, unit = "", job = ""]) => {
    for (const one of living(unit)) {
      later(600, () => {
        cluster.setting(one, job, "$state", "disconnected");
        cluster.setting(one, job, "automation_name", "");
      });
    }
    return ok({ status: "success" }, 202);
  };
  const update: Route = ([, unit = "", job = ""], body) => {
    for (const [key, value] of Object.entries((body.settings ?? {}) as Record<string, unknown>)) {
      for (const one of living(unit))
        later(800, () => cluster.setting(one, job, key, typeof value === "number" ? value.toFixed(1) : String(value)));
    }
    return ok({ status: "success" }, 202);
  };

  const routes: [string, RegExp, Route][] = [
    ["GET", /^\/auth\/me$/, () => (signedIn ? ok({ username: "demo" }) : no(401, "Not signed in"))],
    [
      "POST",
      /^\/auth\/sign-in$/,
      (_, body) =>
        body.password === "wrong" ? no(401, "Wrong name or password.") : ((signedIn = true), ok({ username: "demo" })),
    ],
    ["POST", /^\/auth\/sign-out$/, () => ((signedIn = false), ok({}))],
    [
      "GET",
      /^\/unit_api\/task_results\/(.+)$/,
      ([, id = ""]) => {
        const found = tasks.get(id);
        if (!found) return no(404, "There is no such task");
        return found.polls++ < 2 ? ok({ status: "pending" }, 202) : ok({ status: "succeeded", result: found.result });
      },
    ],
    ["GET", /^\/api\/experiments$/, () => ok(cluster.experiments)],
    [
      "POST",
      /^\/api\/experiments$/,
      (_, body) => {
        if (cluster.experiments.some((one) => one.experiment === body.experiment))
          return no(409, "An experiment of this name exists", "Choose another name.");
        cluster.experiments.unshift({
          experiment: String(body.experiment),
          created_at: iso(cluster.now),
          description: String(body.description ?? ""),
          delta_hours: 0,
          worker_count: 0,
          tags: (body.tags ?? []) as string[],
        });
        return ok(cluster.experiments[0], 201);
      },
    ],
    ["GET", /^\/api\/quarantine/, () => ok({ total: 0, rows: [] })],
    ["GET", /^\/api\/workers$/, () => ok(cluster.workers)],
    [
      "GET",
      /^\/api\/workers\/assignments$/,
      () =>
        ok(
          cluster.workers.map((worker) => ({
            pioreactor_unit: worker.pioreactor_unit,
            experiment: cluster.assigned.has(worker.pioreactor_unit) ? cluster.experiment : null,
          })),
        ),
    ],
    [
      "GET",
      /^\/api\/experiments\/([^/]+)\/media_rates$/,
      () =>
        ok({
          all: { mediaRate: 8.4, altMediaRate: 0 },
          ...Object.fromEntries(
            [...cluster.assigned].map((unit, i) => [unit, { mediaRate: 1.2 + 0.15 * i, altMediaRate: 0 }]),
          ),
        }),
    ],
    ["GET", /^\/api\/workers\/\$broadcast\/calibrations\/sessions$/, () => task({})],
    ["GET", /^\/api\/workers\/\$broadcast\/estimators$/, () => task({})],
    ["GET", /^\/api\/workers\/\$broadcast\/calibrations$/, () => task(calibrations(cluster))],
    [
      "GET",
      /^\/api\/workers\/([^/]+)\/jobs\/running$/,
      ([, unit = ""]) =>
        task({
          [unit]: {
            ok: true,
            unit,
            value: [{ job_name: "dosing_automation", job_source: unit === "reactor-02" ? "resume" : "user" }],
          },
        }),
    ],
    [
      "GET",
      /^\/api\/experiment_profiles$/,
      () =>
        ok([
          {
            experimentProfile: { experiment_profile_name: "Grow, then hold", metadata: { author: "Ada" } },
            file: "grow.yaml",
            fullpath: "/grow.yaml",
          },
        ]),
    ],
    ["GET", /^\/api\/experiment_profiles\/[^/]+$/, () => ok(PROFILE)],
    ["POST", /^\/api\/experiment_profiles\/verify$/, () => ok(PREVIEW)],
    ["GET", /^\/api\/experiments\/[^/]+\/experiment_profiles\/running$/, () => ok([])],
    [
      "GET",
      /^\/api\/experiments\/[^/]+\/experiment_profiles\/recent$/,
      () =>
        ok([
          {
            started_at: iso(cluster.now - 86_400),
            experiment_profile_name: "Grow, then hold",
            experiment: cluster.experiment,
          },
        ]),
    ],
    ["GET", /^\/api\/models$/, () => ok({ models: MODELS })],
    ["GET", /^\/api\/jobs\/descriptors$/, () => ok(JOBS)],
    ["GET", /^\/api\/settings\/descriptors$/, () => ok(COLLECTIONS)],
    ["GET", /^\/api\/charts\/descriptors$/, () => ok(CHARTS)],
    [
      "GET",
      /^\/api\/automations\/descriptors\/(dosing|led|temperature)$/,
      ([, kind]) => ok(AUTOMATIONS[kind as "dosing"]),
    ],
    ["GET", /^\/api\/config\/shared$/, () => ok(shared)],
    [
      "PATCH",
      /^\/api\/config\/shared$/,
      (_, body) => {
        if (!String(body.code).includes("leader_hostname"))
          return no(400, "cluster.topology lacks leader_hostname", "Put leader_hostname back.");
        history.unshift({ timestamp: iso(cluster.now), data: shared });
        shared = String(body.code);
        return ok({ status: "success" });
      },
    ],
    ["GET", /^\/api\/config\/shared\/history$/, () => ok(history)],
    [
      "GET",
      /^\/api\/config\/units\/(.+)\/specific$/,
      ([, unit]) => ok(`[od_config.photodiode_channel]\n# ${unit} has its signal on channel 2.\n2=90\n`),
    ],
    ["PATCH", /^\/api\/config\/units\/(.+)\/specific$/, () => ok({ status: "success" })],
    ["GET", /^\/api\/config\/units\/(.+)\/specific\/history$/, () => ok([])],
    ["GET", /^\/api\/experiments\/([^/]+)\/workers$/, ([, name]) => ok(name === cluster.experiment ? workers() : [])],
    [
      "PUT",
      /^\/api\/experiments\/([^/]+)\/workers$/,
      (_, body) => (cluster.assigned.add(String(body.pioreactor_unit)), ok({ status: "success" })),
    ],
    [
      "DELETE",
      /^\/api\/experiments\/([^/]+)\/workers\/(.+)$/,
      ([, , unit = ""]) => (cluster.assigned.delete(unit), ok({ status: "success" })),
    ],
    [
      "GET",
      /^\/api\/experiments\/([^/]+)\/unit_labels$/,
      ([, name]) => ok(name === cluster.experiment ? cluster.labels : {}),
    ],
    [
      "PATCH",
      /^\/api\/experiments\/([^/]+)\/unit_labels$/,
      (_, body) => ((cluster.labels[String(body.unit)] = String(body.label)), ok({ status: "success" })),
    ],
    [
      "PATCH",
      /^\/api\/experiments\/([^/]+)$/,
      ([, name], body) => {
        const found = cluster.experiments.find((one) => one.experiment === name);
        if (!found) return no(404, "There is no such experiment");
        Object.assign(found, body);
        return ok(found);
      },
    ],
    ["DELETE", /^\/api\/experiments\/([^/]+)$/, () => task({})],
    [
      "GET",
      /^\/api\/experiments\/([^/]+)\/time_series\/([^/]+)/,
      ([, name, table = ""], _, query) =>
        ok(name === cluster.experiment ? timeSeries(cluster, table, query) : { series: [], data: [] }),
    ],
    [
      "GET",
      /^\/api\/(?:workers|units)\/[^/]+\/(?:experiments\/[^/]+\/)?(?:recent_|system_)?logs$/,
      (match, _, query) => logs(cluster, query, match[0]),
    ],
    ["GET", /^\/api\/(?:experiments\/[^/]+\/)?(?:recent_)?logs$/, (match, _, query) => logs(cluster, query, match[0])],
    [
      "POST",
      /^\/api\/workers\/([^/]+)\/experiments\/[^/]+\/logs$/,
      ([, unit = ""], body) => (
        cluster.log(unit, "note", "INFO", String(body.message)), ok({ status: "success" }, 202)
      ),
    ],
    ["PATCH", /^\/api\/workers\/([^/]+)\/jobs\/run\/job_name\/([^/]+)\/experiments\/([^/]+)$/, run],
    ["PATCH", /^\/api\/workers\/([^/]+)\/jobs\/stop\/job_name\/([^/]+)\/experiments\/([^/]+)$/, stop],
    [
      "POST",
      /^\/api\/workers\/([^/]+)\/jobs\/stop\/experiments\/([^/]+)$/,
      (match) => (
        JOBS.forEach((job) =>
          stop(Object.assign([...match], { 2: job.job_name }) as unknown as RegExpExecArray, {}, new URLSearchParams()),
        ),
        ok({ status: "success" }, 202)
      ),
    ],
    ["PATCH", /^\/api\/workers\/([^/]+)\/jobs\/update\/job_name\/([^/]+)\/experiments\/([^/]+)$/, update],
    [
      "PATCH",
      /^\/api\/workers\/([^/]+)\/bioreactor\/update\/experiments\/([^/]+)$/,
      ([, unit = ""], body) => {
        for (const [key, value] of Object.entries(body.values as Record<string, number>))
          later(600, () => cluster.setting(unit, "bioreactor", key, String(value)));
        return task({ [unit]: { ok: true, unit, value: {} } });
      },
    ],
    ["POST", /^\/api\/workers\/([^/]+)\/blink$/, () => ok({ status: "success" }, 202)],
    [
      "PUT",
      /^\/api\/workers\/([^/]+)\/is_active$/,
      ([, unit], body) => (
        Object.assign(cluster.workers.find((one) => one.pioreactor_unit === unit) ?? {}, { is_active: body.is_active }),
        ok({ status: "success" })
      ),
    ],
    [
      "PUT",
      /^\/api\/workers\/([^/]+)\/model$/,
      ([, unit], body) => (
        Object.assign(cluster.workers.find((one) => one.pioreactor_unit === unit) ?? {}, body),
        ok({ status: "success" })
      ),
    ],
    [
      "PUT",
      /^\/api\/workers$/,
      (_, body) => (
        cluster.workers.push({ ...body, added_at: iso(cluster.now), is_active: 1 } as Worker),
        ok({ status: "success" }, 201)
      ),
    ],
    [
      "DELETE",
      /^\/api\/workers\/([^/]+)$/,
      ([, unit]) => (
        cluster.workers.splice(
          cluster.workers.findIndex((one) => one.pioreactor_unit === unit),
          1,
        ),
        ok({ status: "success" }, 202)
      ),
    ],
  ];

  return async (method, where, body) => {
    await new Promise((resolve) => setTimeout(resolve, 40));
    const url = new URL(where, location.origin);
    for (const [verb, pattern, route] of routes) {
      const match = verb === method ? pattern.exec(decodeURIComponent(url.pathname)) : null;
      if (match) return structuredClone(route(match, (body ?? {}) as Record<string, unknown>, url.searchParams));
    }
    throw new Refused(`The demonstration has no answer for ${method} ${url.pathname}.`, 0);
  };
}

const ORDER = ["DEBUG", "INFO", "NOTICE", "WARNING", "ERROR"];

function logs(cluster: DemoCluster, query: URLSearchParams, where: string): Answer {
  const least = ORDER.indexOf(query.get("min_level") ?? "INFO");
  const unit = /^\/api\/(?:workers|units)\/([^/]+)/.exec(where)?.[1];
  const rows = cluster.logs.filter(
    (row) => ORDER.indexOf(row.level ?? "INFO") >= least && (!unit || row.pioreactor_unit === unit),
  );
  const skip = Number(query.get("skip") ?? 0);
  return ok(rows.slice(skip, skip + (where.includes("recent") ? 50 : 100)));
}
