/** A checklist for the first day: what is done is found out from the cluster. */

import { Link } from "react-router";
import { useAssigned, useLabels, useWorkers } from "@/api/queries";
import { named } from "@/control/units";
import { type Gathered, gather } from "@/features/calibrations/curve";
import { useKeptCurves } from "@/features/calibrations/keptCurves";
import { resultsIn } from "@/features/pioreactors/results";
import { useBelow, useTopics } from "@/live/hooks";
import { CLUSTER, monitor, parse, setting, state } from "@/live/topics";
import { useFrame } from "@/parts/experiment";
import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { PageHeader } from "@/parts/PageHeader";
import { Problem, Waiting } from "@/parts/Problem";
import { type Facts, type Step, stepsOf } from "./firstDay";
import css from "./overview.module.css";

/** By unit, whether all tests of its last self-test passed. */
function useSelfTests(): ReadonlyMap<string, boolean> {
  const values = useBelow(`pioreactor/+/${CLUSTER}/self_test/#`);
  const byUnit = new Map<string, Record<string, string>>();
  for (const [topic, payload] of Object.entries(values)) {
    const unit = parse(topic)?.unit ?? "";
    byUnit.set(unit, { ...byUnit.get(unit), [topic]: payload });
  }
  const results = [...byUnit].map(([unit, of]) => [unit, resultsIn(of)] as const);
  return new Map(results.filter(([, of]) => of.length > 0).map(([unit, of]) => [unit, of.every((one) => one.passed)]));
}

/** Units of which a topic has this payload, or any when none is given. */
function useUnitsWith(units: readonly string[], topic: (unit: string) => string, payload?: string): Set<string> {
  const values = useTopics(units.map(topic));
  return new Set(units.filter((_, i) => (payload === undefined ? values[i] : values[i] === payload)));
}

export function FirstDay() {
  const { current } = useFrame();
  const experiment = current?.experiment;
  const workers = useWorkers();
  const assigned = (useAssigned(experiment ?? "", experiment !== undefined).data ?? []).map(
    (one) => one.pioreactor_unit,
  );
  const labels = useLabels(experiment ?? "", experiment !== undefined).data ?? {};
  const active = (workers.data ?? []).filter((one) => one.is_active);
  const names = active.map((one) => one.pioreactor_unit);
  const answering = useUnitsWith(names, (unit) => monitor(unit, "$state"), "ready");
  const calibrations = useKeptCurves<Gathered>("calibrations", gather);
  const selfTests = useSelfTests();
  const of = (job: string) => (unit: string) => state(unit, experiment ?? "", job);
  const facts: Facts = {
    units: active.map((one) => ({
      unit: one.pioreactor_unit,
      hasModel: Boolean(one.model_name),
      answers: answering.has(one.pioreactor_unit),
    })),
    experiment,
    assigned,
    selfTests,
    blanks: useUnitsWith(assigned, (unit) => setting(unit, experiment ?? "", "od_blank", "means")),
    calibrated: new Map(
      names.map((unit) => [
        unit,
        (calibrations.data?.calibrations ?? [])
          .filter((one) => one.pioreactor_unit === unit && one.is_active)
          .map((one) => one.device),
      ]),
    ),
    stirs: useUnitsWith(assigned, of("stirring"), "ready"),
    reads: useUnitsWith(assigned, of("od_reading"), "ready"),
  };
  const steps = stepsOf(facts);
  const isPending = workers.isPending || calibrations.isPending;
  const needed = steps.filter((one) => !one.isOptional);
  return (
    <>
      <PageHeader
        title="First day"
        about={
          <span>
            {isPending ? "" : `${needed.filter((one) => one.isDone).length} of `}
            {count(needed.length, "step")}
            {isPending ? "" : " done"}
          </span>
        }
      />
      {workers.error && <Problem error={workers.error} />}
      {calibrations.error && <Problem error={calibrations.error} />}
      {isPending ? (
        <Waiting what="what is done already" />
      ) : (
        <ol className={`panel ${css.steps}`} aria-label="Steps">
          {steps.map((one) => (
            <Row key={one.title} step={one} of={names.length} labels={labels} />
          ))}
        </ol>
      )}
    </>
  );
}

function Row({ step, of, labels }: { step: Step; of: number; labels: Record<string, string> }) {
  const { title, help, isDone, isOptional, missing, to, action } = step;
  const names = missing.map((unit) => named(unit, labels[unit]));
  return (
    <li data-done={isDone || undefined}>
      <span className={css.stepMark}>
        <Icon name={isDone ? "check" : "off"} size={18} />
        <span className="visually-hidden">{isDone ? "Done: " : "Open: "}</span>
      </span>
      <div className={css.stepText}>
        <p>
          <strong>{title}</strong>
          {isOptional && <span className="soft small"> if you need it</span>}
        </p>
        <p className="soft small">
          {!isDone && names.length > 0 && names.length < of ? `Missing on ${names.join(", ")}. ${help}` : help}
        </p>
      </div>
      {!isDone && <Link to={to}>{action}</Link>}
    </li>
  );
}
