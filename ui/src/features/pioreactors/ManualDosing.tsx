/** Doses and light by hand: one act, then the unit says that it is done. */

import { Button, NativeSelect, SegmentedControl, TextInput } from "@mantine/core";
import { type FormEvent, useMemo, useState } from "react";
import { OutcomeLine } from "@/control/OutcomeLine";
import { useCommand } from "@/control/useCommand";
import { checked } from "@/control/validation";
import { useTopic } from "@/live/hooks";
import { fixed } from "@/parts/format";
import { DOSES, type Dose, dose, light } from "./manualActions";
import css from "./pioreactors.module.css";

interface Props {
  unit: string;
  experiment: string;
}

export function ManualDosing(props: Props) {
  return (
    <>
      <DoseByHand {...props} />
      <LightByHand {...props} />
    </>
  );
}

function DoseByHand({ unit, experiment }: Props) {
  const [act, setAct] = useState<Dose>("add_media");
  const [by, setBy] = useState<"ml" | "duration">("ml");
  const [text, setText] = useState("1");
  const { outcome, send } = useCommand();
  const measure = by === "ml" ? { unit: "mL", max: 20 } : { unit: "s", max: 600 };
  const result = checked({ type: "numeric", min: 0, ...measure }, text);
  const amount = result.ok && Number(result.value) > 0 ? Number(result.value) : undefined;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (amount !== undefined) send(dose(unit, experiment, act, by === "ml" ? { ml: amount } : { duration: amount }));
  };
  return (
    <section className={`panel ${css.padded}`} aria-label="Dose by hand">
      <h2>Dose by hand</h2>
      <form onSubmit={submit} className={css.stack}>
        <NativeSelect
          aria-label="Pump"
          data={DOSES}
          value={act}
          onChange={(event) => setAct(event.currentTarget.value as Dose)}
        />
        <div className={css.line}>
          <SegmentedControl
            size="sm"
            aria-label="Amount as"
            data={[
              { value: "ml", label: "Volume" },
              { value: "duration", label: "Time" },
            ]}
            value={by}
            onChange={(value) => setBy(value as "ml" | "duration")}
          />
          <TextInput
            aria-label="Amount"
            inputMode="decimal"
            className={css.grow ?? ""}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            error={!result.ok && text !== "" ? result.reason : undefined}
            rightSection={<span className="soft small">{measure.unit}</span>}
            rightSectionPointerEvents="none"
          />
        </div>
        <Button type="submit" variant="default" disabled={amount === undefined || outcome.phase === "sent"}>
          {DOSES.find((one) => one.value === act)?.label} {amount !== undefined && `${amount} ${measure.unit}`}
        </Button>
        <OutcomeLine outcome={outcome} />
      </form>
    </section>
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
        <Button type="submit" variant="default" disabled={!result.ok || outcome.phase === "sent"}>
          Set LED {channel}
        </Button>
        <OutcomeLine outcome={outcome} />
      </form>
    </section>
  );
}
