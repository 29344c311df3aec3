/** Puts a made-up cluster behind the page: `?units=30` for a crowd, `?speed=60` for a hurry. */

import { answerWith } from "@/api/client";
import type { Feed, OpenFeed } from "@/live/bus";
import { matches } from "@/live/topics";
import { DemoCluster } from "./cluster";
import { leaderOf } from "./leader";

export function startDemo(): OpenFeed {
  const query = new URLSearchParams(location.search);
  const cluster = new DemoCluster(Number(query.get("units") ?? 6));
  const speed = Number(query.get("speed") ?? 10);
  answerWith(leaderOf(cluster));

  return (ears): Feed => {
    const wanted = new Set<string>();
    cluster.publish = (topic, payload) => {
      if ([...wanted].some((filter) => matches(filter, topic))) ears.onMessages({ topic, payload, retained: false });
    };
    const linking = setTimeout(() => ears.linked("live"), 50);
    const ticking = setInterval(() => cluster.tick(speed), 1000);
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
}
