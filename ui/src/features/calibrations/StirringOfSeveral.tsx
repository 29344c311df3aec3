/** Measures the stirring of several units at once; it asks no questions, so that no session is needed. */

import { Button, Checkbox } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useAssigned, useLabels } from "@/api/queries";
import { start, starting, type Where } from "@/control/commands";
import { OutcomeLine } from "@/control/OutcomeLine";
import { type Command, useCommand } from "@/control/useCommand";
import { useTopics } from "@/live/hooks";
import { setting, state } from "@/live/topics";
import { useFrame } from "@/parts/experiment";
import { count } from "@/parts/format";
import { Needs } from "@/parts/Needs";
import { isRunning } from "@/parts/states";
import css from "./calibrations.module.css";

const JOB = "stirring_calibration";

/** Start it on each of the units; each answers for itself. */
function measure(where: Omit<Where, "unit" | "job">): Command {
  const each = where.units.map((unit) => start({ ...where, unit, units: [unit], job: JOB }));
  return {
    answers: each.flatMap(({ answers }) => answers),
    confirms: (payload) => payload === "init" || payload === "ready",
    issue: () => Promise.all(each.map(({ issue }) => issue())),
  };
}

export function StirringOfSeveral() {
  const { current } = useFrame();
  const experiment = current?.experiment ?? "";
  const assigned = useAssigned(experiment).data ?? [];
  const units = assigned.filter((one) => one.is_active).map((one) => one.pioreactor_unit);
  const labels = useLabels(experiment).data ?? {};
  const [without, setWithout] = useState<ReadonlySet<string>>(new Set());
  const { outcome, send } = useCommand();
  const states = useTopics(units.map((unit) => state(unit, experiment, JOB)));
  const progress = useTopics(units.map((unit) => setting(unit, experiment, JOB, "percent_progress")));
  const client = useQueryClient();
  const running = states.filter(isRunning).length;
  useEffect(() => {
    if (running === 0) void client.invalidateQueries({ queryKey: ["calibrations"] });
  }, [running, client]);
  if (units.length < 2) return null;
  const chosen = units.filter((unit) => !without.has(unit));
  const choose = (unit: string, isChosen: boolean): void =>
    setWithout(new Set(isChosen ? [...without].filter((one) => one !== unit) : [...without, unit]));
  return (
    <section className={`panel ${css.device}`} aria-label="Stirring of several units">
      <h2>Stirring of several units</h2>
      <p>
        Measures all chosen units of {experiment} at once, in about a minute, and puts the calibrations into use unless
        they are doubtful. Each needs a vial with its usual volume and a stir bar; stirring and OD reading must be off.
      </p>
      {units.map((unit, i) => (
        <Checkbox
          key={unit}
          mb={6}
          label={`${labels[unit] ?? unit}${isRunning(states[i]) ? `, ${Math.round(Number(progress[i] ?? 0))} %` : ""}`}
          checked={!without.has(unit)}
          onChange={(event) => choose(unit, event.currentTarget.checked)}
        />
      ))}
      <Needs call={chosen.map((unit) => starting({ unit, units: [unit], experiment, job: JOB }))}>
        <Button
          mt="sm"
          disabled={chosen.length === 0 || running > 0 || outcome.phase === "sent"}
          onClick={() => send(measure({ units: chosen, experiment }))}
        >
          Measure {count(chosen.length, "unit")}
        </Button>
      </Needs>
      <OutcomeLine outcome={outcome} />
    </section>
  );
}
