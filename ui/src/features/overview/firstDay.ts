/** What has to be done on the first day, and what of it the cluster shows to be done. */

export interface Facts {
  units: readonly { unit: string; hasModel: boolean; answers: boolean }[];
  experiment: string | undefined;
  /** Units of the experiment. */
  assigned: readonly string[];
  /** Units whose last self-test passed, or not. */
  selfTests: ReadonlyMap<string, boolean>;
  /** Units that measured their blank in this experiment. */
  blanks: ReadonlySet<string>;
  /** Devices with a calibration in use, by unit. */
  calibrated: ReadonlyMap<string, readonly string[]>;
  /** Units on which a job is on. */
  stirs: ReadonlySet<string>;
  reads: ReadonlySet<string>;
}

export interface Step {
  title: string;
  /** Why, or how. */
  help: string;
  isDone: boolean;
  /** Units for which it is not done, where some are done. */
  missing: readonly string[];
  to: string;
  /** What the link says. */
  action: string;
  /** For some experiments only. */
  isOptional?: boolean;
}

const unitPage = (unit: string | undefined): string =>
  unit === undefined ? "/pioreactors" : `/pioreactors/${encodeURIComponent(unit)}`;

const calibrating = (unit: string | undefined, device: string): string =>
  unit === undefined ? "/calibrations/new" : `/calibrations/new?${new URLSearchParams({ unit, device }).toString()}`;

export function stepsOf(facts: Facts): Step[] {
  const names = facts.units.map((one) => one.unit);
  const each = (units: readonly string[], isDone: (unit: string) => boolean) => {
    const missing = units.filter((unit) => !isDone(unit));
    return { missing, isDone: units.length > 0 && missing.length === 0 };
  };
  const has = (unit: string, fits: (device: string) => boolean): boolean =>
    (facts.calibrated.get(unit) ?? []).some(fits);
  const answer = each(names, (unit) => facts.units.some((one) => one.unit === unit && one.answers));
  const models = each(names, (unit) => facts.units.some((one) => one.unit === unit && one.hasModel));
  const tested = each(names, (unit) => facts.selfTests.get(unit) === true);
  const stirring = each(names, (unit) => has(unit, (device) => device === "stirring"));
  const pumps = each(names, (unit) => ["media_pump", "waste_pump"].every((pump) => has(unit, (one) => one === pump)));
  const od = each(names, (unit) => has(unit, (device) => device.startsWith("od")));
  const blanks = each(facts.assigned, (unit) => facts.blanks.has(unit));
  const stirs = each(facts.assigned, (unit) => facts.stirs.has(unit));
  const reads = each(facts.assigned, (unit) => facts.reads.has(unit));
  return [
    {
      title: "Units are in the cluster and answer",
      help: "A new machine shows a code with “pio cluster join”.",
      ...answer,
      to: "/inventory",
      action: names.length === 0 ? "Add a unit" : "Inventory",
    },
    {
      title: "Each unit has its model",
      help: "Volumes and temperatures are bounded by the model.",
      ...models,
      to: "/inventory",
      action: "Choose the model",
    },
    {
      title: "An experiment is begun, with units",
      help: "Readings and events belong to an experiment.",
      isDone: facts.assigned.length > 0,
      missing: [],
      to: facts.experiment === undefined ? "/experiments?new=1" : "/pioreactors",
      action: facts.experiment === undefined ? "New experiment" : "Assign units",
    },
    {
      title: "The self-test passed",
      help: "With a vial of water and a stir bar; about a minute.",
      ...tested,
      to: unitPage(tested.missing[0]),
      action: "Run the self-test",
    },
    {
      title: "Stirring is calibrated",
      help: "So that the RPM that is asked for is reached at once.",
      ...stirring,
      to: calibrating(stirring.missing[0], "stirring"),
      action: "Calibrate stirring",
    },
    {
      title: "Pumps are calibrated",
      help: "Needed for dosing in mL: media and waste.",
      isOptional: true,
      ...pumps,
      to: calibrating(pumps.missing[0], "media_pump"),
      action: "Calibrate a pump",
    },
    {
      title: "Optical density is calibrated",
      help: "Without it densities are relative, and not comparable between units.",
      isOptional: true,
      ...od,
      to: calibrating(od.missing[0], "od90"),
      action: "Calibrate OD",
    },
    {
      title: "The blank is measured",
      help: "With medium, before cells are added.",
      ...blanks,
      to: unitPage(blanks.missing[0]),
      action: "Measure the blank",
    },
    {
      title: "Stirring is on",
      help: "Start it on all units with “Control all”.",
      ...stirs,
      to: "/overview",
      action: "Control all",
    },
    {
      title: "Optical density is read",
      help: "The first points appear in the charts within a minute.",
      ...reads,
      to: "/overview",
      action: "Control all",
    },
  ];
}
