/** A recording made of arithmetic: one turbidostat culture, the same every time for the same seed. */

/** Numbers between 0 and 1, reproducible (mulberry32). */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface Moment {
  at: number;
  od: number;
  nod: number;
  growth: number;
  temperature: number;
  volume: number;
  dosedMl: number;
}

export class Culture {
  private od: number;
  private readonly od0: number;
  private temperature = 23;
  private seen: number;
  private readonly roll: () => number;
  growing = true;
  dosing: boolean;
  targetTemperature = 30;
  targetOd: number;
  volume = 14;
  mediaMl = 0;

  constructor(
    private readonly index: number,
    private at: number,
  ) {
    this.roll = dice(index + 7);
    this.od = 0.035 + 0.02 * this.roll();
    this.od0 = this.od;
    this.seen = this.od;
    this.targetOd = 0.42 + 0.05 * (index % 4);
    this.dosing = index % 3 !== 2;
  }

  private noise(): number {
    return this.roll() + this.roll() + this.roll() - 1.5;
  }

  step(seconds: number): Moment {
    this.at += seconds;
    const hours = seconds / 3600;
    const speed = (0.19 + 0.025 * (this.index % 5)) * Math.min(1, Math.exp((this.temperature - 30) * 0.05));
    const growth = this.growing ? speed * (1 - this.od / 1.15) : 0;
    this.od *= Math.exp(growth * hours);
    let dosedMl = 0;
    if (this.dosing && this.od > this.targetOd) {
      dosedMl = 1;
      this.od *= this.volume / (this.volume + dosedMl);
      this.mediaMl += dosedMl;
    }
    this.temperature +=
      (this.targetTemperature + 0.15 * Math.sin(this.at / 2400 + this.index) - this.temperature) *
      (1 - Math.exp(-seconds / 1500));
    this.seen += (growth - this.seen) * 0.25;
    const measured = this.od * (1 + 0.008 * this.noise());
    return {
      at: this.at,
      od: measured,
      nod: this.od / this.od0,
      growth: this.seen + 0.004 * this.noise(),
      temperature: this.temperature + 0.06 * this.noise(),
      volume: this.volume + 0.02 * this.noise(),
      dosedMl,
    };
  }
}
