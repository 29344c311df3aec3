/** What is said of a stored curve or estimator beside its plot, and what can be done with it. */

import { Button, Group } from "@mantine/core";
import { path } from "@/api/client";
import { Needs } from "@/parts/Needs";
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
  unit: string;
  error: unknown;
  busy: boolean;
  onUse: () => void;
  onDelete: () => void;
}

export function KeptResult({ name, inUse, judgment, facts, unit, error, busy, onUse, onDelete }: Props) {
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
        <Needs call={["PATCH", path("api", "workers", unit, "active_calibrations", "od", name)]}>
          <Button variant={inUse ? "default" : "filled"} disabled={busy} onClick={onUse}>
            {inUse ? "Stop using" : "Use"}
          </Button>
        </Needs>
        <Needs call={["DELETE", path("api", "workers", unit, "calibrations", "od", name)]}>
          <Button variant="default" onClick={onDelete}>
            Delete
          </Button>
        </Needs>
      </Group>
    </div>
  );
}
