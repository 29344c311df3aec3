/** How fast the culture is diluted: by the pump's calibration, and by what the culture itself tells of the pump. */

import { useReading, useTopic } from "@/live/hooks";
import { setting, state } from "@/live/topics";
import { isRunning } from "@/parts/states";
import { dilutionInWords } from "./dilutionText";
import css from "./units.module.css";

const JOB = "dosing_automation";

export function Dilution({ unit, experiment }: { unit: string; experiment: string }) {
  const runs = isRunning(useTopic(state(unit, experiment, JOB)));
  const nominal = useReading(setting(unit, experiment, JOB, "nominal_dilution_rate"))?.value;
  const measured = useReading(setting(unit, experiment, JOB, "dilution_rate"))?.value;
  const words = runs ? dilutionInWords(nominal, measured) : undefined;
  return words ? <p className={`soft small ${css.dilution}`}>{words}</p> : null;
}
