/** The demo's cameras: stills every ten minutes of each unit, drawn as small pictures of a vial. */

import type { Answer, Method } from "@/api/client";
import type { Assignment, CameraStatus, LiveView, Still } from "@/api/types";
import { secondsOf } from "@/parts/format";
import type { DemoCluster } from "./cluster";
import { LOST_UNIT, noAnswer } from "./faults";
import type { Tasks } from "./leader";
import { iso } from "./recording";

const EVERY_S = 600;
const STILLS = 24;

const BELOW = "/api/workers/{unit}/camera";
const OF_STILLS = `${BELOW}/experiments/{experiment}/stills`;

/** A picture of the vial, which becomes denser with time. */
export function drawnStill(startS: number, still: Still): string {
  const dense = Math.min(1, Math.max(0, (secondsOf(still.captured_at) - startS) / (EVERY_S * STILLS)));
  const liquid = `hsl(42 ${18 + 10 * dense}% ${30 + 45 * dense}%)`;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 64"><rect width="48" height="64" fill="#1d1c22"/>` +
    `<rect x="12" y="6" width="24" height="52" rx="5" fill="#4a494f" stroke="#aaa"/>` +
    `<path d="M12.5 37q6 0 11.5 3q6-3 11.5-3v16q0 5-5 5h-13q-5 0-5-5z" fill="${liquid}"/>` +
    `<rect x="18" y="54" width="12" height="3" rx="1.5" fill="#ddd"/><rect x="9" y="0" width="30" height="8" fill="#2b2c31"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function stillsOf(cluster: DemoCluster, unit: string): Still[] {
  if (unit === LOST_UNIT) return [];
  const newest = cluster.recording.startS;
  return Array.from({ length: STILLS }, (_, i) => ({
    experiment: cluster.experiment,
    captured_at: iso(newest - (STILLS - 1 - i) * EVERY_S - 40),
    image_id: `still-${i + 1}`,
    capture_reason: i === STILLS - 3 ? "manual" : "scheduled",
    ...(i === STILLS - 6 ? { pinned: true } : {}),
  }));
}

const statusOf = (cluster: DemoCluster, unit: string): CameraStatus => ({
  unit,
  enabled: true,
  detection_status: "detected",
  runtime_available: true,
  capture_command: "rpicam-still",
  mock: false,
  latest_still: stillsOf(cluster, unit).at(-1) ?? null,
  auto_capture_enabled: true,
  snapshot_interval_minutes: EVERY_S / 60,
  lens: { min: 0, max: 32, step: 0.1, unit: "dpt" },
  lens_position: 8,
});

/** The demo draws no pictures of now. */
const liveView = (unit: string, is_on: boolean): LiveView => ({
  unit,
  is_on,
  frame: 0,
  captured_at: null,
  sharpness: null,
  problem: null,
  remedy: null,
});

/** Return the answer to a GET about cameras; undefined for any other. */
export function cameraAnswer(cluster: DemoCluster, where: string): unknown {
  const asked = /^\/api\/experiments\/([^/]+)\/cameras$/.exec(where);
  if (asked) {
    if (asked[1] !== cluster.experiment) return { cameras: {} };
    const workers = cluster.recording.answers.get(`/api/experiments/${cluster.experiment}/workers`)?.body;
    return {
      cameras: Object.fromEntries(
        (workers as Assignment[]).map(({ pioreactor_unit: unit }) => [
          unit,
          unit === LOST_UNIT ? noAnswer(unit) : { ok: true, unit, value: statusOf(cluster, unit) },
        ]),
      ),
    };
  }
  const [, looked] = /^\/api\/workers\/([^/]+)\/camera\/live_view$/.exec(where) ?? [];
  if (looked !== undefined) return liveView(looked, true);
  const [, unit = "", experiment = ""] =
    /^\/api\/workers\/([^/]+)\/camera\/experiments\/([^/]+)\/stills$/.exec(where) ?? [];
  if (unit === "") return undefined;
  return { unit, experiment, stills: experiment === cluster.experiment ? stillsOf(cluster, unit) : [] };
}

/** Answers to commands by method and OpenAPI path. */
export function cameraWrites(
  cluster: DemoCluster,
  tasks: Tasks,
): [Method, string, (parameters: string[], body: Record<string, unknown>) => Answer][] {
  const first = (unit: string): Still => stillsOf(cluster, unit)[0] as Still;
  return [
    ["POST", OF_STILLS, ([unit = ""]) => tasks.succeed({ [unit]: { ok: true, unit, value: first(unit) } })],
    ["PATCH", `${OF_STILLS}/{image}`, ([unit = ""]) => ({ status: 200, body: first(unit) })],
    ["DELETE", `${OF_STILLS}/{image}`, ([unit = ""]) => ({ status: 200, body: first(unit) })],
    ["POST", `${BELOW}/live_view`, ([unit = ""]) => ({ status: 200, body: liveView(unit, true) })],
    ["DELETE", `${BELOW}/live_view`, ([unit = ""]) => ({ status: 200, body: liveView(unit, false) })],
    [
      "PATCH",
      `${BELOW}/settings`,
      ([unit = ""], body) => tasks.succeed({ [unit]: { ok: true, unit, value: { unit, ...body } } }),
    ],
  ];
}
