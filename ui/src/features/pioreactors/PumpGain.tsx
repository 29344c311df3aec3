/** What the growth of the culture tells about the media pump. */

import { pumpInWords, useEstimate } from "@/live/estimate";
import css from "./pioreactors.module.css";

export function PumpGain({ unit, experiment }: { unit: string; experiment: string }) {
  const estimate = useEstimate(unit, experiment);
  const words = estimate && pumpInWords(estimate);
  return words ? <p className={`soft small ${css.pumpGain}`}>{words}</p> : null;
}
