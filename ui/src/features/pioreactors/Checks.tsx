/** Is every part of the unit there and working, and what do its photodiodes show without a culture? */

import { Button, Modal } from "@mantine/core";
import { useState } from "react";
import { useUnitStrokes } from "@/charts/useLines";
import { start, starting, stop, type Where } from "@/control/commands";
import { OutcomeLine } from "@/control/OutcomeLine";
import { type Command, useCommand } from "@/control/useCommand";
import { LabBench } from "@/features/calibrations/LabBench";
import { useBench } from "@/features/calibrations/labBench";
import { useBelow, useReading, useTopic } from "@/live/hooks";
import { CLUSTER, setting, state } from "@/live/topics";
import { ConfirmFooter } from "@/parts/ConfirmFooter";
import { count, fixed, plain } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { isRunning } from "@/parts/states";
import css from "./pioreactors.module.css";
import { blankIn, type Result, resultsIn } from "./results";

interface Props {
  unit: string;
  experiment: string;
}

export function Checks(props: Props) {
  const bench = useBench(props.unit, "checks");
  return (
    <section className={`panel ${css.padded}`} aria-label="Checks">
      <h2>Checks</h2>
      <div className={css.checks}>
        <SelfTest {...props} />
        <Blank {...props} />
      </div>
      <LabBench bench={bench} offer={{ vial: { od: 0 } }} />
    </section>
  );
}

/** Started for an experiment, as everything is; what it says is about the unit, whichever experiment that is in. */
function selfTest({ unit, experiment }: Props): Command {
  const { issue, confirms } = start({ unit, units: [unit], experiment, job: "self_test" });
  return { answers: [state(unit, CLUSTER, "self_test")], confirms, issue };
}

function SelfTest({ unit, experiment }: Props) {
  const values = useBelow(`pioreactor/${unit}/${CLUSTER}/self_test/#`);
  const runs = isRunning(values[state(unit, CLUSTER, "self_test")]);
  const { outcome, send } = useCommand();
  const results = resultsIn(values);
  const passed = results.filter((one) => one.passed).length;
  return (
    <div className={css.stack} role="group" aria-label="Self-test">
      <p className="soft small">
        Self-test: a vial of water with a stir bar is in the reactor, and nothing else runs. About a minute.
      </p>
      <div className={css.line}>
        <Needs call={starting({ unit, units: [unit], experiment, job: "self_test" })}>
          <Button
            variant="default"
            loading={runs}
            disabled={outcome.phase === "sent"}
            onClick={() => send(selfTest({ unit, experiment }))}
          >
            Run self-test
          </Button>
        </Needs>
        {runs && (
          <Needs call={starting({ unit, units: [unit], experiment, job: "self_test" })}>
            <Button
              variant="default"
              onClick={() => send(stop({ unit, units: [unit], experiment: CLUSTER, job: "self_test" }))}
            >
              Stop
            </Button>
          </Needs>
        )}
      </div>
      <OutcomeLine outcome={outcome} />
      {results.length > 0 && (
        <>
          <p role="status">
            {passed} of {count(results.length, "test")} passed{runs && " so far"}
          </p>
          <ul className={css.results} aria-label="Results of the self-test">
            {results.map((one) => (
              <One key={one.name} result={one} />
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function One({ result: { words, passed, message, remedy } }: { result: Result }) {
  return (
    <li data-passed={passed}>
      <Icon name={passed ? "check" : "lost"} size={15} />
      <div>
        <span>{passed ? "Passed" : "Failed"}: </span>
        {words}
        {message && <p className="small">{message}</p>}
        {remedy && <p className="soft small">{remedy}</p>}
      </div>
    </li>
  );
}

/** The unit confirms by taking the values of the blank from the broker. */
function deletion(where: Where): Command {
  const { issue } = start(where, { args: ["delete"] });
  return {
    answers: [setting(where.unit, where.experiment, "od_blank", "means")],
    confirms: (payload) => payload === "",
    issue,
  };
}

function DeleteBlank({ onDelete, ...where }: Where & { onDelete: () => void }) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Needs call={starting(where)}>
        <Button variant="subtle" color="red" c="var(--lost)" size="xs" onClick={() => setAsking(true)}>
          Delete the blank
        </Button>
      </Needs>
      <Modal opened={asking} onClose={() => setAsking(false)} title="Delete the blank?">
        <p>
          OD readings of {where.unit} in {where.experiment} that start afterwards are not corrected by it. Those that
          run keep it.
        </p>
        <ConfirmFooter
          needs={starting(where)}
          error={undefined}
          confirm="Delete the blank"
          isConfirming={false}
          onCancel={() => setAsking(false)}
          onConfirm={() => {
            setAsking(false);
            onDelete();
          }}
        />
      </Modal>
    </>
  );
}

function Blank({ unit, experiment }: Props) {
  const topic = (name: string): string => setting(unit, experiment, "od_blank", name);
  const means = blankIn(useTopic(topic("means")));
  const runs = isRunning(useTopic(topic("$state")));
  const progress = useReading(topic("percent_progress"))?.value ?? 0;
  const { angleOf } = useUnitStrokes();
  const { outcome, send } = useCommand();
  const where = { unit, units: [unit], experiment, job: "od_blank" };
  return (
    <div className={css.stack} role="group" aria-label="Blank">
      <p className="soft small">
        Blank: a vial of medium without cells is in the reactor, and OD reading is off. It is subtracted from readings
        that start afterwards.
      </p>
      <div className={css.line}>
        <Needs call={starting(where)}>
          <Button
            variant="default"
            loading={runs}
            disabled={outcome.phase === "sent"}
            onClick={() => send(start(where))}
          >
            Measure the blank
          </Button>
        </Needs>
        {runs && (
          <Needs call={starting(where)}>
            <Button variant="default" onClick={() => send(stop(where))}>
              Stop
            </Button>
          </Needs>
        )}
      </div>
      <OutcomeLine outcome={outcome} />
      {runs && (
        <p role="status" className="soft">
          {fixed(progress, 0)} %
        </p>
      )}
      {!runs && means.length > 0 && (
        <>
          <dl className={css.leds} aria-label="Blank of this experiment">
            {means.map(([channel, level]) => (
              <div key={channel}>
                <dt className="soft small">{angleOf(channel) ?? `Channel ${channel}`}</dt>
                <dd className="num">{plain(Number(level.toPrecision(3)))}</dd>
              </div>
            ))}
          </dl>
          <DeleteBlank {...where} onDelete={() => send(deletion(where))} />
        </>
      )}
    </div>
  );
}
