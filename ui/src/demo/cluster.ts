/** The cluster of the demonstration: its units, what they recorded, and what they would publish next. */

import type { Experiment, LogRow, Worker } from "@/api/types";
import { Culture, type Moment } from "./culture";

export const START = Date.parse("2026-11-21T08:12:00Z") / 1000;
export const NOW = Date.parse("2026-11-22T11:40:00Z") / 1000;
const HISTORY_STEP_S = 120;

export const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

export type Publish = (topic: string, payload: string, retained?: boolean) => void;

const LABELS = ["Wild type A", "Wild type B", "ΔgalK", "Evolved 3", "Acetate", "Control"];
const RUNNING = ["stirring", "od_reading", "growth_rate_calculating", "temperature_automation"];

export class DemoCluster {
  readonly experiments: Experiment[] = [
    {
      experiment: "Galactose adaptation 4",
      created_at: iso(START),
      description: "Fourth passage; ΔgalK against wild type.",
      delta_hours: 27.5,
      worker_count: 0,
      tags: ["yeast", "adaptation"],
    },
    {
      experiment: "Media screen, November",
      created_at: iso(START - 9 * 86_400),
      description: null,
      delta_hours: 240,
      worker_count: 0,
      tags: ["screen"],
    },
    {
      experiment: "Stirring calibration check",
      created_at: iso(START - 20 * 86_400),
      description: "",
      delta_hours: 500,
      worker_count: 0,
      tags: [],
    },
  ];
  readonly workers: Worker[];
  readonly labels: Record<string, string> = {};
  readonly retained = new Map<string, string>();
  readonly history = new Map<string, Moment[]>();
  readonly logs: LogRow[] = [];
  readonly assigned: Set<string>;
  now = NOW;
  publish: Publish = () => undefined;
  private readonly cultures = new Map<string, Culture>();
  private readonly silent = new Set<string>();

  constructor(units: number) {
    this.workers = Array.from({ length: units }, (_, i) => ({
      pioreactor_unit: `reactor-${String(i + 1).padStart(2, "0")}`,
      added_at: iso(START - 90 * 86_400 + i * 60),
      is_active: 1,
      model_name: i === 3 ? "pioreactor_40ml_XR" : "pioreactor_20ml",
      model_version: "1.5",
      ipv4_address: null,
    }));
    this.assigned = new Set(this.workers.map((worker) => worker.pioreactor_unit));
    this.experiments[0]!.worker_count = units;
    this.workers.forEach((worker, i) => this.settle(worker.pioreactor_unit, i));
    this.log(
      this.workers[1]!.pioreactor_unit,
      "stirring",
      "WARNING",
      "Measured RPM is 12% below its target for 3 min; check that the vial sits straight.",
      NOW - 5200,
    );
    this.log(
      this.workers[0]!.pioreactor_unit,
      "note",
      "INFO",
      "Changed the media bottle; new batch 22-11.",
      NOW - 9400,
    );
    this.log(
      "reactor-05",
      "stirring",
      "ERROR",
      "reactor-05 stopped answering: its last message was at 11:02. Check its power and network.",
      NOW - 2200,
    );
  }

  get experiment(): string {
    return this.experiments[0]!.experiment;
  }

  setting(unit: string, job: string, key: string, value: string): void {
    const experiment = job === "monitor" ? "$experiment" : this.experiment;
    const topic = `pioreactor/${unit}/${experiment}/${job}/${key}`;
    if (value === "") this.retained.delete(topic);
    else this.retained.set(topic, value);
    this.publish(topic, value);
  }

  log(unit: string, task: string, level: string, message: string, at = this.now): void {
    const row: LogRow = {
      timestamp: iso(at),
      level,
      pioreactor_unit: unit,
      message,
      task,
      experiment: this.experiment,
    };
    this.logs.unshift(row);
    this.logs.sort((a, b) => b.timestamp.localeCompare(a.timestamp));
    this.publish(
      `pioreactor/${unit}/${this.experiment}/logs/app/${level.toLowerCase()}`,
      JSON.stringify({ ...row, source: "app", taskName: null }),
    );
  }

  private settle(unit: string, index: number): void {
    const culture = new Culture(index, START);
    this.cultures.set(unit, culture);
    const lostAt = index === 4 ? NOW - 2280 : Infinity;
    const moments: Moment[] = [];
    for (let at = START; at < Math.min(NOW, lostAt) - HISTORY_STEP_S; at += HISTORY_STEP_S) {
      const moment = culture.step(HISTORY_STEP_S);
      const silentSpell = index === 2 && at - START > 33_000 && at - START < 39_000;
      if (!silentSpell) moments.push(moment);
      if (moment.dosedMl > 0 && at > NOW - 20_000)
        this.log(
          unit,
          "dosing_automation",
          "INFO",
          `Turbidostat exchanged ${moment.dosedMl.toFixed(2)} mL at OD ${moment.od.toFixed(3)}.`,
          moment.at,
        );
    }
    this.history.set(unit, moments);
    if (LABELS[index]) this.labels[unit] = LABELS[index];
    const lost = index === 4;
    if (lost) this.silent.add(unit);
    this.setting(unit, "monitor", "$state", lost ? "lost" : "ready");
    this.setting(unit, "monitor", "versions", JSON.stringify({ app: "1.0.0", rpi_machine: "Raspberry Pi 4 Model B" }));
    this.saySafe(unit, index);
    this.setting(unit, "monitor", "ipv4", `192.0.2.${10 + index}`);
    for (const job of RUNNING) this.setting(unit, job, "$state", lost ? "lost" : "ready");
    this.setting(unit, "stirring", "target_rpm", "500.0");
    this.setting(unit, "temperature_automation", "automation_name", "thermostat");
    this.setting(unit, "temperature_automation", "target_temperature", "30.0");
    if (culture.dosing) {
      this.setting(unit, "dosing_automation", "$state", lost ? "lost" : index === 1 ? "sleeping" : "ready");
      this.setting(unit, "dosing_automation", "automation_name", "turbidostat");
      this.setting(unit, "dosing_automation", "target_biomass", culture.targetOd.toFixed(2));
      this.setting(unit, "dosing_automation", "exchange_volume_ml", "1.0");
      this.setting(unit, "dosing_automation", "biomass_signal", "od");
    }
    this.setting(unit, "bioreactor", "efflux_tube_volume_ml", "14.0");
    this.setting(unit, "bioreactor", "alt_media_fraction", "0.0");
    this.setting(unit, "bioreactor", "cumulative_media_added_ml", culture.mediaMl.toFixed(1));
    this.setting(unit, "bioreactor", "cumulative_waste_removed_ml", culture.mediaMl.toFixed(1));
    this.setting(unit, "temperature_automation", "heater_duty_cycle", "22.5");
    const last = moments[moments.length - 1];
    if (last) this.publishMoment(unit, last, true);
    this.setting(unit, "leds", "intensity", '{"A":80.0,"B":0.0,"C":0.0,"D":0.0}');
    this.setting(unit, "pwms", "dc", '{"17":22.5,"18":31.0}');
  }

  /** The third unit's records have waited for nearly an hour. */
  private saySafe(unit: string, index: number): void {
    const [waiting, since] = index === 2 ? [1204, NOW - 3300] : [0, NOW];
    this.setting(
      unit,
      "monitor",
      "safe_up_to",
      JSON.stringify({ acknowledged_seq: 52_000 + index, waiting, timestamp: iso(since) }),
    );
  }

  private publishMoment(unit: string, moment: Moment, retainedOnly = false): void {
    const timestamp = iso(moment.at);
    const json = (fields: object): string => JSON.stringify({ ...fields, timestamp });
    this.setting(
      unit,
      "od_reading",
      "od2",
      json({ calibrated: 0, angle: "90", od: moment.od, channel: "2", ir_led_intensity: 80 }),
    );
    this.setting(unit, "growth_rate_calculating", "growth_rate", json({ growth_rate: moment.growth }));
    this.setting(
      unit,
      "growth_rate_calculating",
      "estimate",
      json({
        growth_rate: moment.growth,
        lower_95: moment.growth - 0.021,
        upper_95: moment.growth + 0.021,
        pump_gain: 0.96,
        pump_gain_sd: 0.01,
        outlier: false,
      }),
    );
    this.setting(unit, "growth_rate_calculating", "od_filtered", json({ od_filtered: moment.nod }));
    this.setting(unit, "temperature_automation", "temperature", json({ temperature: moment.temperature }));
    this.setting(unit, "stirring", "measured_rpm", json({ measured_rpm: 498 + (moment.at % 7) }));
    this.setting(unit, "bioreactor", "current_volume_ml", moment.volume.toFixed(3));
    if (retainedOnly || moment.dosedMl === 0) return;
    this.publish(
      `pioreactor/${unit}/${this.experiment}/dosing_events`,
      json({ volume_change: moment.dosedMl, event: "add_media", source_of_event: "dosing_automation:turbidostat" }),
    );
    this.log(
      unit,
      "dosing_automation",
      "INFO",
      `Turbidostat exchanged ${moment.dosedMl.toFixed(2)} mL at OD ${moment.od.toFixed(3)}.`,
    );
  }

  /** Let some seconds of the cluster's own time pass. */
  tick(seconds: number): void {
    this.now += seconds;
    for (const [unit, culture] of this.cultures) {
      if (this.silent.has(unit)) continue;
      const moment = culture.step(seconds);
      this.publishMoment(unit, { ...moment, at: this.now });
    }
  }
}
