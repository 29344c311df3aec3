/**
 * Knows for which filters messages arrive, and reports what was published while they did not.
 *
 * A page shows what the leader recorded, completed by what arrives. Missing is what was published before the broker
 * acknowledged the subscription and recorded after the leader was asked: a unit sends its records about once a second.
 */

import type { LiveStore } from "./store";
import { monitor, parse } from "./topics";

/** The leader has what was published before a subscription at the first of these moments after it, or at the last [ms]. */
export const RECORDED_MS = [2_000, 10_000] as const;
/** Subscriptions acknowledged within this time [ms] are one occasion to ask. */
const TOGETHER_MS = 500;
/** Records older than this [s] were not merely on their way to the leader. */
const WAITED_S = 10;

/** Messages that did not arrive, and that the leader has recorded meanwhile. */
export interface Missed {
  filter: string;
  /** The first of them was published then [s of the cluster's time]; undefined: unknown. */
  fromS: number | undefined;
  /** What the leader was asked for later than this [ms of the browser's clock] is complete. */
  untilMs: number;
}

interface Waiting {
  waiting: number;
  timestamp: string;
}

function readWaiting(payload: string | undefined): Waiting | undefined {
  try {
    const read = JSON.parse(payload ?? "") as Waiting;
    return typeof read?.waiting === "number" && typeof read.timestamp === "string" ? read : undefined;
  } catch {
    return undefined;
  }
}

export class Coverage {
  private readonly listeners = new Set<(missed: Missed) => void>();
  private readonly subscriptions = new Set<string>();
  /** Filters of which the leader may not have everything yet that was published before the subscription. */
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>[]>();
  /** Of filters whose subscription broke off: since when messages are missing [s]. */
  private readonly missingFromS = new Map<string, number>();
  /** Of units with records that the leader did not have: when the first of those was made [s]. */
  private readonly behindFromS = new Map<string, number>();

  constructor(private readonly store: LiveStore) {
    store.onStream(monitor("+", "safe_up_to"), (messages) => {
      for (const { topic, payload } of messages) this.onRecords(parse(topic)?.unit ?? "", payload);
    });
  }

  onMissed(tell: (missed: Missed) => void): () => void {
    this.listeners.add(tell);
    return () => this.listeners.delete(tell);
  }

  subscribed(filter: string): void {
    this.clear(filter);
    this.subscriptions.add(filter);
    const fromS = this.missingFromS.get(filter);
    const untilMs = Date.now() - TOGETHER_MS;
    if (fromS !== undefined) this.tell({ filter, fromS, untilMs });
    const timers = RECORDED_MS.map((delayMs, index) =>
      setTimeout(() => {
        if (index === RECORDED_MS.length - 1) this.complete(filter);
        this.tell({ filter, fromS, untilMs: untilMs + delayMs });
      }, delayMs),
    );
    this.timers.set(filter, timers);
  }

  /** A filter is not needed any more. */
  ended(filter: string): void {
    this.complete(filter);
    this.subscriptions.delete(filter);
  }

  /** The connection broke. */
  lost(): void {
    for (const filter of this.subscriptions) {
      // What was missed before is still missing if the leader was not asked for all of it.
      const isComplete = !this.timers.has(filter);
      if (isComplete) this.missingFromS.set(filter, this.store.clusterTime());
      this.clear(filter);
    }
    this.subscriptions.clear();
  }

  private complete(filter: string): void {
    this.clear(filter);
    this.missingFromS.delete(filter);
  }

  private clear(filter: string): void {
    this.timers.get(filter)?.forEach(clearTimeout);
    this.timers.delete(filter);
  }

  /** A unit that was cut off from the leader delivers its records later: nothing of it was received meanwhile. */
  private onRecords(unit: string, payload: string): void {
    const said = readWaiting(payload);
    if (said === undefined) return;
    const atS = Date.parse(said.timestamp) / 1000;
    const behindS = this.behindFromS.get(unit);
    const waits = said.waiting > 0 && this.store.clusterTime() - atS > WAITED_S;
    if (waits && behindS === undefined) this.behindFromS.set(unit, atS);
    if (waits || behindS === undefined) return;
    this.behindFromS.delete(unit);
    this.tell({ filter: `pioreactor/${unit}/#`, fromS: behindS, untilMs: Date.now() });
  }

  private tell(missed: Missed): void {
    for (const tell of this.listeners) tell(missed);
  }
}
