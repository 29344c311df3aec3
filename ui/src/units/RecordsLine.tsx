/** Whether what a unit measured is on record at the leader: calm while it is, clear when it waits. */

import { useNow } from "@/live/hooks";
import { useRecords, waitLong } from "@/live/records";
import { clock, many } from "@/parts/format";
import { Icon } from "@/parts/icons";
import css from "./units.module.css";

export function RecordsLine({ unit, away }: { unit: string; away: boolean }) {
  const records = useRecords(unit);
  const now = useNow(10);
  if (!records) return null;
  if (waitLong(records, now)) {
    return (
      <p className={css.waiting} title="They are kept on the unit, and sent when the leader takes them.">
        <Icon name="clock" size={14} />
        {many(records.waiting, "record waits", "records wait")} since {clock(records.atS)}
      </p>
    );
  }
  return (
    <p className={css.safe} title={`The leader has all that was recorded up to ${clock(records.atS)}.`}>
      <Icon name="check" size={14} />
      {away ? `Data saved up to ${clock(records.atS)}` : "All data saved"}
    </p>
  );
}
