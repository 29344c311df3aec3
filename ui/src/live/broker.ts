/** The broker behind the leader's own `/mqtt`; the library is fetched when a person is signed in. */

import type { MqttClient } from "mqtt";
import type { Ears, Feed } from "./bus";

/** A quiet broker is asked this often [ms] whether it is still there. */
const PING_MS = 3000;
/** A connection without an answer to a ping for so long [ms] is dead: a computer that slept learns it in no other way. */
const ANSWERS_WITHIN_MS = 12_000;
/** A broker grants this quality of service when it refuses a subscription. */
const REFUSED = 128;

/** The library is fetched and read at the latest after this time [ms]. */
const FETCHED_WITHIN_MS = 700;

/** Wait until the browser has drawn: reading the library takes as long as drawing the first page. */
const whenIdle = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof requestIdleCallback === "function") requestIdleCallback(() => resolve(), { timeout: FETCHED_WITHIN_MS });
    else setTimeout(resolve, FETCHED_WITHIN_MS / 2);
  });

export function brokerFeed(ears: Ears, idle = whenIdle): Feed {
  const wanted = new Set<string>();
  let client: MqttClient | undefined;
  let closed = false;
  const subscribe = (filters: string[]): void =>
    void client?.subscribe(filters, { qos: 0 }, (error, granted) => {
      if (error) return; // the connection broke: all filters are subscribed to again with the next one
      for (const { topic, qos } of granted ?? []) if (qos < REFUSED) ears.subscribed(topic);
    });
  let unansweredSinceMs: number | undefined;
  const ping = (): void => {
    if (!client?.connected) return;
    if (unansweredSinceMs !== undefined && Date.now() - unansweredSinceMs > ANSWERS_WITHIN_MS) {
      unansweredSinceMs = undefined;
      client.stream.destroy(); // the library connects again
      return;
    }
    unansweredSinceMs ??= Date.now();
    client.sendPing();
  };
  const pinging = setInterval(ping, PING_MS);

  void idle()
    .then(() => import("mqtt"))
    .then(({ default: mqtt }) => {
      if (closed) return;
      const scheme = location.protocol === "https:" ? "wss" : "ws";
      client = mqtt.connect(`${scheme}://${location.host}/mqtt`, {
        // Hidden tabs run their timers once a minute, and the page may not start a worker to avoid that.
        keepalive: 120,
        timerVariant: "native",
        clean: true,
        protocolVersion: 4,
        reconnectPeriod: 2000,
        connectTimeout: 8000,
        resubscribe: false,
      });
      client.on("packetreceive", () => {
        unansweredSinceMs = undefined;
        ears.received();
      });
      client.on("connect", () => {
        ears.linked("live");
        if (wanted.size > 0) subscribe([...wanted]);
      });
      client.on("close", () => ears.linked("reconnecting"));
      client.on("error", () => ears.linked("reconnecting"));
      client.on("message", (topic, payload, packet) =>
        ears.onMessages({ topic, payload: payload.toString(), retained: packet.retain }),
      );
    });

  return {
    subscribe(filter) {
      wanted.add(filter);
      if (client?.connected) subscribe([filter]);
    },
    unsubscribe(filter) {
      wanted.delete(filter);
      if (client?.connected) client.unsubscribe(filter);
    },
    close() {
      closed = true;
      clearInterval(pinging);
      client?.end(true);
    },
  };
}
