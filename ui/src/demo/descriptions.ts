/** What the leader and the units of the demo describe of themselves. */

import type { Capability, ConfigSection, Worker } from "@/api/types";
import type { DemoCluster } from "./cluster";
import { LOST_UNIT, noAnswer } from "./faults";

export const KEYS: ConfigSection[] = [
  {
    section: "cluster.topology",
    description: "Which unit is the leader, and where.",
    keys: [
      {
        key: "leader_hostname",
        description: "name of the leader",
        takes: "text, or blank",
        default: "",
        obsolete: "",
      },
    ],
  },
];

const capability = (job_name: string, help: string, settings: string[], automation?: string): Capability => ({
  job_name,
  automation_name: automation ?? null,
  help,
  arguments: [],
  options: settings.map((name) => ({
    name,
    long_flag: name.replaceAll("_", "-"),
    help: "",
    required: false,
    multiple: false,
    default: null,
    type: "float",
  })),
  published_settings: Object.fromEntries(settings.map((name) => [name, { datatype: "float", settable: true }])),
  cli_example: `pio run ${job_name}`,
});

const RUNNABLE: Capability[] = [
  capability("stirring", "Stir at a target speed [RPM].", ["target_rpm"]),
  capability("od_reading", "Measure the optical density.", ["interval"]),
  capability("temperature_automation", "Hold a temperature.", ["target_temperature"], "thermostat"),
  capability("dosing_automation", "Dilute at a density.", ["target_biomass", "exchange_volume_ml"], "turbidostat"),
];

/** What each unit answers about what it can run. */
export function capabilitiesOfAll({ recording }: DemoCluster): Record<string, unknown> {
  const workers = recording.answers.get("/api/workers")?.body as Worker[];
  return Object.fromEntries(
    workers.map(({ pioreactor_unit: unit }) => [
      unit,
      unit === LOST_UNIT ? noAnswer(unit) : { ok: true, unit, value: RUNNABLE },
    ]),
  );
}
