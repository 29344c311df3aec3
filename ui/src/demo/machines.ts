/** What the demo's leader knows of its machines and people. */

import type { Answer, Method } from "@/api/client";
import type { ConfigSync, Person, Worker } from "@/api/types";
import type { DemoCluster } from "./cluster";
import { LOST_UNIT } from "./faults";
import { iso } from "./recording";

type Reads = Record<string, () => unknown>;

const ok = (body: unknown): Answer => ({ status: 200, body });

const PEOPLE = ["ada", "pioreactor"];

/** Answers to GET by path. */
export function machineReads(cluster: DemoCluster): Reads {
  const recorded = <T>(path: string): T => cluster.recording.answers.get(path)?.body as T;
  const workers = (): string[] => recorded<Worker[]>("/api/workers").map((one) => one.pioreactor_unit);
  return {
    "/auth/people": (): Person[] => PEOPLE.map((username) => ({ username })),
    "/api/config/sync": (): ConfigSync => ({
      version: { number: 3, saved_at: iso(cluster.nowS - 7200) },
      units: workers().map((pioreactor_unit) =>
        pioreactor_unit === LOST_UNIT
          ? {
              pioreactor_unit,
              state: "waiting",
              version: 2,
              since: iso(cluster.nowS - 7200),
              message: `${LOST_UNIT}.local:443 cannot be reached: no response within 5 s`,
            }
          : { pioreactor_unit, state: "in_step", version: 3, since: iso(cluster.nowS - 7200), message: null },
      ),
    }),
  };
}

/** Answers to commands by method and OpenAPI path. */
export function machineWrites(): [Method, string, () => Answer][] {
  return [
    ["POST", "/api/config/sync", () => ok({ shared: {}, specific: {} })],
    ["PUT", "/auth/people", () => ({ status: 201, body: { username: "mia" } })],
    ["PATCH", "/auth/password", () => ok({ status: "success" })],
    ["DELETE", "/auth/people/{username}", () => ok({ status: "success" })],
  ];
}
