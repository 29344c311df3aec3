/** The demo's answers to commands. A recording cannot answer them; `writes.test.ts` holds them to the OpenAPI document. */

import type { Answer, Method } from "@/api/client";
import type {
  AccessToken,
  Alarm,
  Assignment,
  ChartPreferences,
  ConfigVersion,
  Experiment,
  LogRow,
  WaitingWorker,
  Worker,
} from "@/api/types";
import { EVERYONE } from "@/live/topics";
import { alarmWrites } from "./alarms";
import { cameraWrites } from "./cameras";
import type { DemoCluster } from "./cluster";
import { EXPORTS } from "./exports";
import { LOST_UNIT, noAnswer } from "./faults";
import type { Tasks } from "./leader";
import { machineWrites } from "./machines";
import { CHECKED, UPDATED } from "./plugins";
import { iso } from "./recording";
import { REHEARSALS } from "./rehearsals";
import { ARCHIVE } from "./updates";

type Body = Record<string, unknown>;
export type Route = (parameters: string[], body: Body) => Answer;

export const ok = (body: unknown, status = 200): Answer => ({ status, body });

/** An error response as the leader writes it. */
export const refused = (status: number, error: string, remediation?: string): Answer => ({
  status,
  body: { error, status, cause: error, remediation },
});

const WAITING: WaitingWorker[] = [{ pioreactor_unit: "reactor-31", address: "10.0.0.39:4998", version: "27.0.0" }];

const DONE = { status: "success", msg: null };
const later = (ms: number, act: () => void): void => void setTimeout(act, ms);

export interface Session {
  signedIn: boolean;
  tokens: AccessToken[];
  alarms: Alarm[];
  /** Charts that were chosen, by path of the request. */
  charts: Map<string, ChartPreferences>;
}

/** Of an experiment for which no charts were chosen. */
export const CONFIGURED: ChartPreferences = { overview_chart_keys: null, pioreactor_chart_keys: null };

/** Two tokens of scripts, as a leader lists them. */
export const someTokens = (nowS: number): AccessToken[] => [
  {
    id: "3f1c9a20b7d4",
    name: "growth plots",
    username: "pioreactor",
    created_at: iso(nowS - 12 * 86_400),
    expires_at: null,
    last_used_at: iso(nowS - 240),
  },
  {
    id: "b90e4417aa02",
    name: "nightly export",
    username: "pioreactor",
    created_at: iso(nowS - 3600),
    expires_at: iso(nowS + 90 * 86_400),
    last_used_at: null,
  },
];

/** Answers by method and OpenAPI path. */
export function writes(cluster: DemoCluster, tasks: Tasks, session: Session): [Method, string, Route][] {
  const { recording, experiment } = cluster;
  const recorded = <T>(path: string): T => recording.answers.get(path)?.body as T;
  const experiments = (): Experiment[] => recorded("/api/experiments");
  const workers = (): Worker[] => recorded("/api/workers");
  const worker = (unit: string): Worker | undefined => workers().find((one) => one.pioreactor_unit === unit);
  const assigned = (): Assignment[] => recorded(`/api/experiments/${experiment}/workers`);
  const targets = (unit: string): string[] =>
    unit === EVERYONE ? assigned().map((one) => one.pioreactor_unit) : [unit];
  const reachable = (unit: string): string[] => targets(unit).filter((one) => one !== LOST_UNIT);
  const fanOut = (unit: string, value: unknown): Answer =>
    tasks.succeed(
      Object.fromEntries(
        targets(unit).map((one) => [one, one === LOST_UNIT ? noAnswer(one) : { ok: true, unit: one, value }]),
      ),
    );
  const remove = <T>(list: T[], fits: (one: T) => boolean): void => {
    const index = list.findIndex(fits);
    if (index >= 0) list.splice(index, 1);
  };

  const run: Route = ([unit = "", job = ""], body) => {
    const options = Object.entries((body.options ?? {}) as Body);
    const isDeletion = job === "od_blank" && ((body.args ?? []) as string[]).includes("delete");
    for (const one of reachable(unit)) {
      if (isDeletion) {
        later(700, () => cluster.setting(one, job, "means", ""));
        continue;
      }
      later(700, () => cluster.setting(one, job, "$state", "init"));
      later(900, () => options.forEach(([key, value]) => cluster.setting(one, job, key, String(value))));
      later(2200, () => {
        cluster.setting(one, job, "$state", "ready");
        cluster.log(one, job, "INFO", "Ready.");
      });
    }
    return fanOut(unit, {});
  };
  const stop: Route = ([unit = "", job = ""]) => {
    for (const one of reachable(unit))
      later(600, () => {
        cluster.setting(one, job, "$state", "disconnected");
        cluster.setting(one, job, "automation_name", "");
      });
    return fanOut(unit, {});
  };
  const stopAll: Route = ([unit = ""]) => {
    for (const topic of [...cluster.retained.keys()]) {
      const [, of, where, job = "", key] = topic.split("/");
      if (key === "$state" && where === experiment && of !== undefined && targets(unit).includes(of))
        stop([of, job], {});
    }
    return fanOut(unit, {});
  };
  const update: Route = ([unit = "", job = ""], body) => {
    for (const [key, value] of Object.entries((body.settings ?? {}) as Body))
      for (const one of reachable(unit))
        later(800, () => cluster.setting(one, job, key, typeof value === "number" ? value.toFixed(1) : String(value)));
    return fanOut(unit, {});
  };

  return [
    ...machineWrites(tasks),
    ...cameraWrites(cluster, tasks),
    ...alarmWrites(cluster, session.alarms),
    [
      "POST",
      "/auth/sign-in",
      (_, body) => {
        if (body.password === "wrong") return refused(401, "Wrong name or password.");
        session.signedIn = true;
        return ok({ username: String(body.username) });
      },
    ],
    [
      "POST",
      "/auth/sign-out",
      () => {
        session.signedIn = false;
        return ok({});
      },
    ],
    [
      "POST",
      "/api/datasets/exportable/export",
      () => tasks.succeed({ result: true, filename: EXPORTS.archives[0]?.filename, msg: "Exported 12 rows." }),
    ],
    [
      "POST",
      "/api/datasets/exportable/export-to-usb",
      () => tasks.succeed({ result: true, msg: "Exported 12 rows. The archive is on the USB drive." }),
    ],
    ["DELETE", "/api/datasets/exportable/export", () => ok(DONE, 202)],
    ["DELETE", "/api/datasets/exports/{filename}", () => ok(DONE)],
    ["POST", "/api/system/update_firmware", (_, body) => fanOut(String(body.units), { version: ARCHIVE.version })],
    ["POST", "/api/system/update_from_archive", () => tasks.succeed("started")],
    ["POST", "/api/system/releases/{version}/download", () => tasks.succeed(ARCHIVE)],
    ["POST", "/api/system/upload", () => ok({ message: "uploaded", save_path: ARCHIVE.path, archive: ARCHIVE })],
    ["POST", "/api/units/{unit}/plugins/check", ([unit = ""]) => fanOut(unit, CHECKED)],
    ["POST", "/api/units/{unit}/plugins/install", ([unit = ""]) => fanOut(unit, {})],
    ["POST", "/api/units/{unit}/plugins/check-from-leader-usb", ([unit = ""]) => fanOut(unit, CHECKED)],
    ["POST", "/api/units/{unit}/plugins/install-from-leader-usb", ([unit = ""]) => fanOut(unit, {})],
    ["POST", "/api/units/{unit}/plugins/check-from-usb", ([unit = ""]) => fanOut(unit, CHECKED)],
    ["POST", "/api/units/{unit}/plugins/install-from-usb", ([unit = ""]) => fanOut(unit, {})],
    ["POST", "/api/units/{unit}/plugins/update", ([unit = ""]) => fanOut(unit, UPDATED)],
    ["POST", "/api/units/{unit}/plugins/uninstall", ([unit = ""]) => fanOut(unit, {})],
    ["POST", "/api/units/{unit}/plugins/enable", ([unit = ""]) => fanOut(unit, {})],
    ["POST", "/api/units/{unit}/plugins/disable", ([unit = ""]) => fanOut(unit, {})],
    [
      "POST",
      "/auth/tokens",
      (_, body) => {
        const name = String(body.name);
        if (session.tokens.some((one) => one.name === name))
          return refused(409, `pioreactor has a token '${name}' already`, "Choose another name.");
        const days = body.expires_in_days as number | null | undefined;
        const made = {
          id: `${session.tokens.length}`.padStart(12, "0"),
          name,
          username: "pioreactor",
          expires_at: days == null ? null : iso(cluster.nowS + days * 86_400),
        };
        session.tokens.push({ ...made, created_at: iso(cluster.nowS), last_used_at: null });
        return ok({ ...made, token: "pio_only-a-demonstration-this-opens-nothing-000000" }, 201);
      },
    ],
    [
      "DELETE",
      "/auth/tokens/{id_}",
      ([id]) => {
        remove(session.tokens, (one) => one.id === id);
        return ok({ status: "success" });
      },
    ],
    [
      "POST",
      "/api/experiments",
      (_, body) => {
        if (experiments().some((one) => one.experiment === body.experiment))
          return refused(409, "An experiment of this name exists", "Choose another name.");
        const created: Experiment & { delta_hours: number } = {
          experiment: String(body.experiment),
          created_at: iso(cluster.nowS),
          description: String(body.description ?? ""),
          delta_hours: 0,
          worker_count: 0,
          tags: (body.tags ?? []) as string[],
        };
        experiments().unshift(created);
        return ok(created, 201);
      },
    ],
    [
      "PATCH",
      "/api/experiments/{experiment}",
      ([name], body) => {
        const found = experiments().find((one) => one.experiment === name);
        return found ? ok(Object.assign(found, body)) : refused(404, "There is no such experiment");
      },
    ],
    [
      "DELETE",
      "/api/experiments/{experiment}",
      ([name]) => {
        remove(experiments(), (one) => one.experiment === name);
        return tasks.succeed({});
      },
    ],
    [
      "PATCH",
      "/api/experiments/{experiment}/unit_labels",
      (_, body) => {
        const labels = recorded<Record<string, string>>(`/api/experiments/${experiment}/unit_labels`);
        labels[String(body.unit)] = String(body.label);
        return ok(labels, 201);
      },
    ],
    [
      "PUT",
      "/api/experiments/{experiment}/workers",
      (_, body) => {
        const found = worker(String(body.pioreactor_unit));
        if (!found) return refused(404, "There is no such unit");
        const { pioreactor_unit, is_active, model_name, model_version } = found;
        assigned().push({
          pioreactor_unit,
          is_active,
          model_name,
          model_version,
          experiment,
          assigned_at: iso(cluster.nowS),
        } as Assignment);
        return ok(DONE);
      },
    ],
    [
      "POST",
      "/api/experiments/{experiment}/rename",
      ([name], body) => {
        const found = experiments().find((one) => one.experiment === name);
        if (found) found.experiment = String(body.experiment);
        return tasks.succeed({ experiment: body.experiment, rows: 0 });
      },
    ],
    [
      "DELETE",
      "/api/experiments/{experiment}/workers",
      () => {
        assigned().splice(0);
        return tasks.succeed({});
      },
    ],
    [
      "DELETE",
      "/api/workers/assignments",
      () => {
        assigned().splice(0);
        return tasks.succeed({});
      },
    ],
    [
      "DELETE",
      "/api/experiments/{experiment}/workers/{unit}",
      ([, unit = ""]) => {
        remove(assigned(), (one) => one.pioreactor_unit === unit);
        return fanOut(unit, {});
      },
    ],
    [
      "PATCH",
      "/api/config/shared",
      (_, body) => {
        const code = String(body.code);
        if (!code.includes("leader_hostname"))
          return refused(400, "cluster.topology lacks leader_hostname", "Put leader_hostname back.");
        const current = recording.answers.get("/api/config/shared");
        if (current) {
          const history = recorded<ConfigVersion[]>("/api/config/shared/history");
          history.unshift({ timestamp: iso(cluster.nowS), data: String(current.body) } as ConfigVersion);
          current.body = code;
        }
        return ok({ status: "success", units: {} });
      },
    ],
    [
      "PATCH",
      "/api/experiments/{experiment}/chart_preferences",
      ([experiment = ""], body) => {
        const where = `/api/experiments/${experiment}/chart_preferences`;
        const chosen = { ...(session.charts.get(where) ?? CONFIGURED), ...(body as Partial<ChartPreferences>) };
        session.charts.set(where, chosen);
        return ok(chosen);
      },
    ],
    ["PATCH", "/api/config/units/{unit}/specific", () => ok({ status: "success", units: {} })],
    ["POST", "/api/experiments/{experiment}/rehearsals", () => tasks.succeed({ id: REHEARSALS.kept[0]?.id })],
    ["DELETE", "/api/experiments/{experiment}/rehearsals", () => ok(DONE, 202)],
    [
      "POST",
      "/api/experiment_profiles/verify",
      () => ok(recording.answers.get("/api/experiment_profiles/verify")?.body),
    ],
    [
      "POST",
      "/api/workers/{unit}/experiments/{experiment}/logs",
      ([unit = ""], body) => {
        for (const path of ["logs", "recent_logs"])
          recorded<LogRow[]>(`/api/experiments/${experiment}/${path}`).unshift({
            timestamp: iso(cluster.nowS),
            level: "INFO",
            pioreactor_unit: unit,
            message: String(body.message),
            task: "note",
            experiment,
          });
        cluster.log(unit, "note", "INFO", String(body.message));
        return ok(DONE, 202);
      },
    ],
    ["PATCH", "/api/workers/{unit}/jobs/run/job_name/{job}/experiments/{experiment}", run],
    ["PATCH", "/api/workers/{unit}/jobs/stop/job_name/{job}/experiments/{experiment}", stop],
    ["PATCH", "/api/workers/{unit}/jobs/update/job_name/{job}/experiments/{experiment}", update],
    ["POST", "/api/workers/{unit}/jobs/stop/experiments/{experiment}", stopAll],
    [
      "PATCH",
      "/api/workers/{unit}/bioreactor/update/experiments/{experiment}",
      ([unit = ""], body) => {
        for (const [key, value] of Object.entries((body.values ?? {}) as Record<string, number>)) {
          const payload = JSON.stringify({ timestamp: iso(cluster.nowS), value });
          later(600, () => cluster.setting(unit, "bioreactor", key, payload));
        }
        return fanOut(unit, {});
      },
    ],
    ["POST", "/api/workers/{unit}/blink", () => ok(DONE, 202)],
    [
      "PUT",
      "/api/workers/{unit}/is_active",
      ([unit = ""], body) => {
        Object.assign(worker(unit) ?? {}, { is_active: body.is_active });
        return ok(DONE);
      },
    ],
    [
      "PUT",
      "/api/workers/{unit}/model",
      ([unit = ""], body) => {
        Object.assign(worker(unit) ?? {}, body);
        return ok(DONE);
      },
    ],
    [
      "PUT",
      "/api/workers",
      (_, body) => {
        const added = { ...body, added_at: iso(cluster.nowS), is_active: 1 } as Worker;
        workers().push(added);
        return ok(added, 201);
      },
    ],
    ["GET", "/api/workers/discover", () => ok(WAITING)],
    [
      "POST",
      "/api/workers/setup",
      (_, body) => {
        const [pioreactor_unit, address] = [String(body.name), String(body.ipv4_address ?? "10.0.0.39")];
        workers().push({ pioreactor_unit, added_at: iso(cluster.nowS), is_active: 1 } as Worker);
        return tasks.succeed({ pioreactor_unit, address, version: "27.0.0", warning: null });
      },
    ],
    [
      "DELETE",
      "/api/workers/{unit}",
      ([unit = ""]) => {
        remove(workers(), (one) => one.pioreactor_unit === unit);
        return fanOut(unit, {});
      },
    ],
  ];
}
