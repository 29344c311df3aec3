/** Doses and light by hand: one act, then the unit says that it is done. */

import { Button, NativeSelect, SegmentedControl, TextInput } from "@mantine/core";
import { type FormEvent, useMemo, useState } from "react";
import type { ReactorModel } from "@/api/types";
import { starting, stop } from "@/control/commands";
import { OutcomeLine } from "@/control/OutcomeLine";
import { useCommand } from "@/control/useCommand";
import { checked } from "@/control/validation";
import { useTopic, useTopics } from "@/live/hooks";
import { state } from "@/live/topics";
import { fixed } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { isRunning } from "@/parts/states";
import { type Amount, circulates, DOSES, type Dose, dose, largestDose, light, type Measure } from "./manualActions";
import css from "./pioreactors.module.css";

interface Props {
  unit: string;
  experiment: string;
}

export function ManualDosing({ model, ...props }: Props & { model: ReactorModel | undefined }) {
  return (
    <>
      <DoseByHand {...props} model={model} />
      <LightByHand {...props} />
    </>
  );
}

const MEASURES: { value: Measure; label: string }[] = [
  { value: "ml", label: "Volume" },
  { value: "duration", label: "Time" },
  { value: "continuously", label: "Until stopped" },
];

function amountOf(
  by: Measure,
  text: string,
  maxMl: number,
): { amount: Amount | undefined; words: string; reason?: string } {
  if (by === "continuously") return { amount: { continuously: null }, words: "until stopped" };
  const measure = by === "ml" ? { unit: "mL", max: maxMl } : { unit: "s", max: 600 };
  const result = checked({ type: "numeric", min: 0, ...measure }, text);
  if (!result.ok) return { amount: undefined, words: "", ...(text === "" ? {} : { reason: result.reason }) };
  const value = Number(result.value);
  if (value <= 0) return { amount: undefined, words: "" };
  return { amount: by === "ml" ? { ml: value } : { duration: value }, words: `${value} ${measure.unit}` };
}

function DoseByHand({ unit, experiment, model }: Props & { model: ReactorModel | undefined }) {
  const [act, setAct] = useState<Dose>("add_media");
  const [measure, setMeasure] = useState<Measure>("ml");
  const [text, setText] = useState("1");
  const { outcome, send } = useCommand();
  const by = circulates(act) ? "duration" : measure;
  const { amount, words, reason } = amountOf(by, text, largestDose(act, model));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (amount !== undefined) send(dose(unit, experiment, act, amount));
  };
  return (
    <section className={`panel ${css.padded}`} aria-label="Dose by hand">
      <h2>Dose by hand</h2>
      <RunningDoses unit={unit} experiment={experiment} />
      <form onSubmit={submit} className={css.stack}>
        <NativeSelect
          aria-label="Pump"
          data={DOSES.map(({ value, label }) => ({ value, label }))}
          value={act}
          onChange={(event) => setAct(event.currentTarget.value as Dose)}
        />
        {circulates(act) ? (
          <p className="soft small">The waste pump runs all the time, the other in pulses: rinses tubes and vial.</p>
        ) : (
          <SegmentedControl
            size="sm"
            aria-label="Amount as"
            data={MEASURES}
            value={by}
            onChange={(value) => setMeasure(value as Measure)}
          />
        )}
        {by === "continuously" ? (
          <p className="soft small">
            {act === "remove_waste"
              ? "The pump runs until it is stopped here."
              : "The pump runs until it is stopped here, or the vial is full."}
          </p>
        ) : (
          <TextInput
            aria-label="Amount"
            inputMode="decimal"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            error={reason}
            rightSection={<span className="soft small">{by === "ml" ? "mL" : "s"}</span>}
            rightSectionPointerEvents="none"
          />
        )}
        <Needs call={starting({ unit, units: [unit], experiment, job: act })}>
          <Button type="submit" variant="default" disabled={amount === undefined || outcome.phase === "sent"}>
            {DOSES.find((one) => one.value === act)?.label} {words}
          </Button>
        </Needs>
        <OutcomeLine outcome={outcome} />
      </form>
    </section>
  );
}

/** Pumps that run now by hand, each with its stop. */
function RunningDoses({ unit, experiment }: Props) {
  const states = useTopics(DOSES.map(({ value }) => state(unit, experiment, value)));
  const { outcome, send } = useCommand();
  const running = DOSES.filter((_, i) => isRunning(states[i]));
  if (running.length === 0 && outcome.phase !== "refused") return null;
  return (
    <div role="status" className={css.stack}>
      {running.map(({ value, doing }) => (
        <div key={value} className={css.line}>
          <span className={css.grow}>{doing}</span>
          <Needs call={starting({ unit, units: [unit], experiment, job: value })}>
            <Button
              variant="default"
              size="xs"
              leftSection={<Icon name="stop" size={14} />}
              aria-label={`Stop: ${doing}`}
              onClick={() => send(stop({ unit, units: [unit], experiment, job: value }))}
            >
              Stop
            </Button>
          </Needs>
        </div>
      ))}
      <OutcomeLine outcome={outcome} />
    </div>
  );
}

const CHANNELS = ["A", "B", "C", "D"] as const;

function LightByHand({ unit, experiment }: Props) {
  const payload = useTopic(`pioreactor/${unit}/${experiment}/leds/intensity`);
  const intensities = useMemo(() => JSON.parse(payload ?? "{}") as Record<string, number>, [payload]);
  const [channel, setChannel] = useState<string>("A");
  const [text, setText] = useState("0");
  const { outcome, send } = useCommand();
  const result = checked({ type: "numeric", min: 0, max: 100, unit: "%" }, text);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (result.ok) send(light(unit, experiment, channel, Number(result.value)));
  };
  return (
    <section className={`panel ${css.padded}`} aria-label="Light by hand">
      <h2>Light by hand</h2>
      <form onSubmit={submit} className={css.stack}>
        <dl className={css.leds}>
          {CHANNELS.map((one) => (
            <div key={one}>
              <dt className="soft small">LED {one}</dt>
              <dd className="num">{fixed(intensities[one] ?? 0, 0)} %</dd>
            </div>
          ))}
        </dl>
        <div className={css.line}>
          <NativeSelect
            aria-label="LED"
            data={CHANNELS.map((one) => ({ value: one, label: `LED ${one}` }))}
            value={channel}
            onChange={(event) => setChannel(event.currentTarget.value)}
          />
          <TextInput
            aria-label="Intensity"
            inputMode="decimal"
            className={css.grow ?? ""}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            error={!result.ok && text !== "" ? result.reason : undefined}
            rightSection={<span className="soft small">%</span>}
            rightSectionPointerEvents="none"
          />
        </div>
        <Needs call={starting({ unit, units: [unit], experiment, job: "led_intensity" })}>
          <Button type="submit" variant="default" disabled={!result.ok || outcome.phase === "sent"}>
            Set LED {channel}
          </Button>
        </Needs>
        <OutcomeLine outcome={outcome} />
      </form>
    </section>
  );
}
