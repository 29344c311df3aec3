/** The broker behind the leader's own `/mqtt`. */

import type { Ears, Feed } from "./bus";
import { connect, DISCONNECT, type Packet, PacketReader, PINGREQ, subscribe, unsubscribe } from "./packets";

/** A quiet broker is asked this often [ms] whether it is still there. */
const PING_MS = 3000;
/** A connection without an answer to a ping for so long [ms] is dead: a computer that slept learns it in no other way. */
const ANSWERS_WITHIN_MS = 12_000;
const CONNECTS_WITHIN_MS = 8000;
const RECONNECT_MS = 2000;
/** Hidden tabs run their timers once a minute. */
const KEEP_ALIVE_S = 120;
const MAX_ID = 0xffff;

/** One connection, from the request for it to its end. */
class Connection {
  private readonly socket: WebSocket;
  private readonly reader = new PacketReader();
  private readonly requested = new Map<number, readonly string[]>();
  private readonly overdue: ReturnType<typeof setTimeout>;
  private isReady = false;
  private id = 0;
  private pingedAtMs: number | undefined;

  constructor(
    private readonly ears: Ears,
    private readonly onReady: () => void,
    private readonly onEnd: () => void,
  ) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/mqtt`, "mqtt");
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.socket.send(connect("browser", KEEP_ALIVE_S));
    this.socket.onmessage = ({ data }) => this.onBytes(new Uint8Array(data as ArrayBuffer));
    this.socket.onclose = () => this.end();
    this.overdue = setTimeout(() => this.end(), CONNECTS_WITHIN_MS);
  }

  subscribe(filters: readonly string[]): void {
    if (!this.isReady || filters.length === 0) return;
    this.requested.set(this.nextId(), filters);
    this.socket.send(subscribe(this.id, filters));
  }

  unsubscribe(filter: string): void {
    if (this.isReady) this.socket.send(unsubscribe(this.nextId(), [filter]));
  }

  ping(): void {
    if (!this.isReady) return;
    if (this.pingedAtMs !== undefined && Date.now() - this.pingedAtMs > ANSWERS_WITHIN_MS) {
      this.end();
      return;
    }
    this.pingedAtMs ??= Date.now();
    this.socket.send(PINGREQ);
  }

  /** End the connection without a word to anybody. */
  close(): void {
    this.detach();
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(DISCONNECT);
    this.socket.close();
  }

  private end(): void {
    this.detach();
    this.socket.close();
    this.onEnd();
  }

  private detach(): void {
    clearTimeout(this.overdue);
    this.isReady = false;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
  }

  private nextId(): number {
    this.id = (this.id % MAX_ID) + 1;
    return this.id;
  }

  private onBytes(bytes: Uint8Array): void {
    this.pingedAtMs = undefined;
    this.ears.received();
    for (const packet of this.read(bytes)) {
      if (packet.type === "message") this.ears.onMessages(packet);
      else if (packet.type === "subscribed") this.onSubscribed(packet.id, packet.granted);
      else if (packet.type === "connected") {
        if (packet.code !== 0) this.end();
        else {
          clearTimeout(this.overdue);
          this.isReady = true;
          this.onReady();
        }
      }
    }
  }

  private read(bytes: Uint8Array): Packet[] {
    try {
      return this.reader.take(bytes);
    } catch {
      // These bytes are not MQTT: whatever answers is not the leader.
      this.end();
      return [];
    }
  }

  private onSubscribed(id: number, granted: readonly boolean[]): void {
    const filters = this.requested.get(id) ?? [];
    this.requested.delete(id);
    filters.forEach((filter, index) => {
      if (granted[index]) this.ears.subscribed(filter);
    });
  }
}

export function brokerFeed(ears: Ears): Feed {
  const wanted = new Set<string>();
  let connection: Connection | undefined;
  let retrying: ReturnType<typeof setTimeout> | undefined;
  const open = (): void => {
    connection = new Connection(
      ears,
      () => {
        ears.linked("live");
        connection?.subscribe([...wanted]);
      },
      () => {
        ears.linked("reconnecting");
        retrying = setTimeout(open, RECONNECT_MS);
      },
    );
  };
  const pinging = setInterval(() => connection?.ping(), PING_MS);
  open();

  return {
    subscribe(filter) {
      wanted.add(filter);
      connection?.subscribe([filter]);
    },
    unsubscribe(filter) {
      wanted.delete(filter);
      connection?.unsubscribe(filter);
    },
    close() {
      clearInterval(pinging);
      clearTimeout(retrying);
      connection?.close();
    },
  };
}
