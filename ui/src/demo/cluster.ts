/** The cluster of the demo: plays recorded messages, and takes the changes that commands make. */

import { iso, type Recording, shiftTimes } from "./recording";

export type Publish = (topic: string, payload: string) => void;

export class DemoCluster {
  readonly retained: Map<string, string>;
  publish: Publish = () => undefined;
  private elapsedS = 0;
  private next = 0;
  private repeats = 0;

  constructor(readonly recording: Recording) {
    this.retained = new Map(recording.retained);
  }

  get experiment(): string {
    return this.recording.experiment;
  }

  /** The cluster's own time [s]. */
  get nowS(): number {
    return this.recording.startS + this.elapsedS;
  }

  /** Publish a value that the broker keeps; an empty one is removed. */
  setting(unit: string, job: string, key: string, value: string): void {
    const topic = `pioreactor/${unit}/${this.experiment}/${job}/${key}`;
    if (value === "") this.retained.delete(topic);
    else this.retained.set(topic, value);
    this.publish(topic, value);
  }

  log(unit: string, task: string, level: string, message: string): void {
    this.publish(
      `pioreactor/${unit}/${this.experiment}/logs/app/${level.toLowerCase()}`,
      JSON.stringify({ message, level, task, timestamp: iso(this.nowS), source: "app" }),
    );
  }

  /** Let some seconds of the cluster's own time pass; after its end the recording begins anew. */
  tick(seconds: number): void {
    const { live, lengthS } = this.recording;
    this.elapsedS += seconds;
    while (live.length > 0) {
      const message = live[this.next];
      if (message === undefined) {
        this.next = 0;
        this.repeats += 1;
        continue;
      }
      if (message.atS + this.repeats * lengthS > this.elapsedS) return;
      this.play(message.topic, shiftTimes(message.payload, this.repeats * lengthS));
      this.next += 1;
    }
  }

  private play(topic: string, payload: string): void {
    // A later subscriber needs the newest of what the broker keeps; other topics are news only.
    if (this.retained.has(topic)) this.retained.set(topic, payload);
    this.publish(topic, payload);
  }
}
