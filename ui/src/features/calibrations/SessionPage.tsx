/** One guided calibration: where it stands, what the hands do next, and the ways back and out. */

import { Button, Group, Modal } from "@mantine/core";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { PageHeader } from "@/parts/PageHeader";
import { Problem, Waiting } from "@/parts/Problem";
import css from "./calibrations.module.css";
import { LabBench } from "./LabBench";
import { knownTo, useBench } from "./labBench";
import { benchOf } from "./metadata";
import { StepForm } from "./StepForm";
import { StepView } from "./StepView";
import { deviceName, stagesOf } from "./session";
import { sessionPath, useSession } from "./useSession";

export function SessionPage() {
  const { unit = "", id = "" } = useParams();
  return <Conversation key={id} unit={unit} id={id} />;
}

function Conversation({ unit, id }: { unit: string; id: string }) {
  const { session: asked, moving, aborting, otherDriver, takeOver } = useSession(unit, id);
  const [confirmingCancel, setConfirmingCancel] = useState(false);
  const bench = useBench(unit, asked.data ? `${id} ${asked.data.session.updated_at}` : "", moving.isPending);
  const status = asked.data?.session.status;
  if (!asked.data) {
    return (
      <>
        <PageHeader title="Calibration" about={<Link to="/calibrations">To the calibrations</Link>} />
        {asked.error ? <Problem error={asked.error} /> : <Waiting what={`the session from ${unit}`} />}
      </>
    );
  }
  const { session, step } = asked.data;
  const going = status === "in_progress";
  const offer = benchOf(step);
  const refused = moving.error ?? aborting.error;
  return (
    <>
      <PageHeader
        title={`Calibrate ${deviceName(session.target_device)}`}
        about={
          <>
            <span>{unit}</span>
            <Link to="/calibrations">{going ? "Save and exit" : "Back to calibrations"}</Link>
          </>
        }
        actions={
          going && (
            <>
              <Needs call={["POST", sessionPath(unit, id, "undo")]}>
                <Button
                  variant="default"
                  disabled={moving.isPending || otherDriver !== null}
                  onClick={() => moving.mutate({ undo: true })}
                >
                  Step back
                </Button>
              </Needs>
              <Needs call={["POST", sessionPath(unit, id, "abort")]}>
                <Button
                  variant="default"
                  leftSection={<Icon name="stop" size={16} />}
                  onClick={() => setConfirmingCancel(true)}
                >
                  Cancel calibration
                </Button>
              </Needs>
            </>
          )
        }
      />
      <Stages protocol={session.protocol_name} step={step.step_id} />
      <article className={`panel ${css.step}`} aria-live="polite">
        <h2>{step.title}</h2>
        {step.body && <p className={css.body}>{step.body}</p>}
        {otherDriver !== null && going && <Driven by={otherDriver} unit={unit} id={id} onTakeOver={takeOver} />}
        {refused && otherDriver === null && (going || aborting.error) && <Problem error={refused} />}
        <StepView step={step} unit={unit} pending={moving.isPending} />
        <LabBench bench={bench} offer={offer} />
        {going ? (
          <StepForm
            key={`${step.step_id} ${session.updated_at}`}
            step={step}
            unit={unit}
            pending={moving.isPending}
            blocked={otherDriver !== null}
            known={knownTo(offer, bench.state, bench.isFresh)}
            onMove={(inputs) => moving.mutate({ inputs })}
          />
        ) : (
          <Group mt="md">
            <Button component={Link} to={`/calibrations?unit=${encodeURIComponent(unit)}`}>
              See the calibrations of {unit}
            </Button>
            <Button variant="default" component={Link} to={`/calibrations/new?unit=${encodeURIComponent(unit)}`}>
              Calibrate another device
            </Button>
          </Group>
        )}
      </article>
      <Modal opened={confirmingCancel} onClose={() => setConfirmingCancel(false)} title="Cancel this calibration?">
        <p>What runs for it on {unit} stops, and nothing is saved. What was calibrated before stays as it is.</p>
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={() => setConfirmingCancel(false)}>
            Continue calibration
          </Button>
          <Needs call={["POST", sessionPath(unit, id, "abort")]}>
            <Button
              color="red"
              onClick={() => {
                setConfirmingCancel(false);
                aborting.mutate();
              }}
            >
              Cancel calibration
            </Button>
          </Needs>
        </Group>
      </Modal>
    </>
  );
}

interface DrivenProps {
  by: string;
  unit: string;
  id: string;
  onTakeOver: () => void;
}

function Driven({ by, unit, id, onTakeOver }: DrivenProps) {
  return (
    <div className={css.driven} role="status">
      <p>
        <strong>{by}</strong> is working through these steps. If you take over, their page can no longer continue.
      </p>
      <Needs call={["POST", sessionPath(unit, id, "inputs")]}>
        <Button variant="default" onClick={onTakeOver}>
          Take over
        </Button>
      </Needs>
    </div>
  );
}

function Stages({ protocol, step }: { protocol: string; step: string }) {
  const stages = stagesOf(protocol, step);
  if (!stages) return null;
  return (
    <ol className={css.stages} aria-label="Stages">
      {stages.names.map((name, i) => (
        <li key={name} aria-current={i === stages.at ? "step" : undefined} data-done={i < stages.at || undefined}>
          {i < stages.at && <Icon name="check" size={13} />}
          {name}
        </li>
      ))}
    </ol>
  );
}
