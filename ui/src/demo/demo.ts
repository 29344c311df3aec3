/** Plays a recorded cluster behind the page: `?units=30` for many units, `?speed=60` to hurry. */

import { answerWith, type Transport } from "@/api/client";
import type { Worker } from "@/api/types";
import type { Feed, OpenFeed } from "@/live/bus";
import { matches } from "@/live/topics";
import { showImages } from "@/stills/stills";
import { drawnStill } from "./cameras";
import { DemoCluster } from "./cluster";
import { addFaults } from "./faults";
import { leaderOf } from "./leader";
import { loadRecording, unitName } from "./recording";

export interface Demo {
  cluster: DemoCluster;
  transport: Transport;
  openFeed: OpenFeed;
}

interface DemoOptions {
  units?: number;
  /** The moment at which the recording begins [s]; by default as recorded. */
  startS?: number;
  /** Seconds of the cluster's own time per second. */
  speed?: number;
  signedIn?: boolean;
  latencyMs?: number;
}

/** Return a cluster made of the recording and of the faults that it lacks. */
export function makeDemo({ units = 6, startS, speed = 10, ...leader }: DemoOptions = {}): Demo {
  const recording = loadRecording(units, startS);
  addFaults(recording);
  const cluster = new DemoCluster(recording);
  showImages((_unit, _experiment, still) => drawnStill(recording.startS - 4 * 3600, still));
  return { cluster, transport: leaderOf(cluster, leader), openFeed: feedOf(cluster, speed) };
}

const feedOf =
  (cluster: DemoCluster, speed: number): OpenFeed =>
  (ears): Feed => {
    const wanted = new Set<string>();
    cluster.publish = (topic, payload) => {
      if ([...wanted].some((filter) => matches(filter, topic))) ears.onMessages({ topic, payload, retained: false });
    };
    const linking = setTimeout(() => ears.linked("live"), 50);
    const ticking = setInterval(() => {
      ears.received();
      cluster.tick(speed);
    }, 1000);
    return {
      subscribe(filter) {
        wanted.add(filter);
        for (const [topic, payload] of cluster.retained)
          if (matches(filter, topic)) ears.onMessages({ topic, payload, retained: true });
      },
      unsubscribe: (filter) => void wanted.delete(filter),
      close() {
        clearTimeout(linking);
        clearInterval(ticking);
      },
    };
  };

/** Make the last unit one that was added without its model. */
function forgetModel({ recording }: DemoCluster): void {
  const workers = recording.answers.get("/api/workers")?.body as Worker[] | undefined;
  const last = workers?.at(-1);
  if (last) Object.assign(last, { model_name: null, model_version: null });
}

/** Put the demo behind the page, as its address wants it. */
export function startDemo(): OpenFeed {
  const query = new URLSearchParams(location.search);
  const { cluster, transport, openFeed } = makeDemo({
    units: Number(query.get("units") ?? 6),
    startS: Date.now() / 1000,
    speed: Number(query.get("speed") ?? 10),
    signedIn: !query.has("signed-out"),
  });
  if (query.has("new-unit")) forgetModel(cluster);
  if (query.has("blank")) cluster.setting(unitName(0), "od_blank", "means", '{"1": 0.00123}');
  answerWith(transport);
  return openFeed;
}
