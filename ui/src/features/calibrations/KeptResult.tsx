/** What is said of a stored curve or estimator beside its plot, and what can be done with it. */

import { Button, Group } from "@mantine/core";
import { Problem } from "@/parts/Problem";
import css from "./calibrations.module.css";
import { Fit } from "./Fit";
import type { Judgment } from "./judgment";
import { CurveName } from "./KeptCurve";

interface Props {
  name: string;
  inUse: boolean;
  judgment: Judgment | undefined;
  /** Label and value of each line. */
  facts: [string, string][];
  error: unknown;
  busy: boolean;
  onUse: () => void;
  onDelete: () => void;
}

export function KeptResult({ name, inUse, judgment, facts, error, busy, onUse, onDelete }: Props) {
  return (
    <div className={css.words}>
      <CurveName name={name} inUse={inUse} />
      <Fit judgment={judgment} />
      <dl className={css.result}>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt className="soft small">{label}</dt>
            <dd className="num">{value}</dd>
          </div>
        ))}
      </dl>
      {error ? <Problem error={error} /> : null}
      <Group mt="md">
        <Button variant={inUse ? "default" : "filled"} disabled={busy} onClick={onUse}>
          {inUse ? "Stop using" : "Use"}
        </Button>
        <Button variant="default" onClick={onDelete}>
          Delete
        </Button>
      </Group>
    </div>
  );
}
