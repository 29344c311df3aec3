/** The outcome of the last command, in one line that screen readers announce. */

import { count } from "@/parts/format";
import { Icon } from "@/parts/icons";
import css from "./control.module.css";
import type { Outcome } from "./outcome";
import { unitOf } from "./units";

function Words({ outcome }: { outcome: Outcome }) {
  const { phase, targets, answered } = outcome;
  const many = targets.length > 1;
  const missing = targets.filter((target) => !answered.includes(target)).map(unitOf);
  if (phase === "sent")
    return (
      <>
        {many ? `Sent; ${answered.length} of ${count(targets.length, "unit")} confirmed` : "Sent; waiting for the unit"}
      </>
    );
  if (phase === "confirmed") return <>{many ? `Confirmed by all ${targets.length} units` : "Confirmed by the unit"}</>;
  if (phase === "refused") {
    return (
      <>
        Refused: {outcome.reason}
        {outcome.remedy && <span className="soft"> {outcome.remedy}</span>}
      </>
    );
  }
  return (
    <>
      No answer from {missing.join(", ")} for 10 s. Check that {missing.length === 1 ? "it is" : "they are"} on and
      connected.
    </>
  );
}

export function OutcomeLine({ outcome }: { outcome: Outcome }) {
  const { phase } = outcome;
  return (
    <p role="status" className={`${css.outcome} ${css[phase] ?? ""}`} data-phase={phase}>
      {phase !== "idle" && (
        <>
          <Icon
            name={
              phase === "confirmed" ? "check" : phase === "sent" ? "starting" : phase === "silent" ? "clock" : "lost"
            }
            size={15}
            spin={phase === "sent"}
          />
          <span>
            <Words outcome={outcome} />
          </span>
        </>
      )}
    </p>
  );
}
