/** The fit of a calibration in words and numbers, and each doubt about it. */

import { Icon } from "@/parts/icons";
import css from "./calibrations.module.css";
import { changeInWords, fitInWords, type Judgment } from "./judgment";

export function Fit({ judgment }: { judgment: Judgment | undefined }) {
  if (!judgment) return null;
  const change = judgment.doubts.length === 0 ? changeInWords(judgment) : undefined;
  return (
    <>
      <p className="small num">{fitInWords(judgment)}</p>
      {change && <p className="soft small num">{change}</p>}
      <Doubts doubts={judgment.doubts} />
    </>
  );
}

export function Doubts({ doubts }: { doubts: readonly string[] }) {
  return doubts.map((doubt) => (
    <p key={doubt} className={`small ${css.doubt}`}>
      <Icon name="lost" size={14} />
      <span>{doubt}</span>
    </p>
  ));
}
