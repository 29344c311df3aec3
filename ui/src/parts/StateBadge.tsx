/** A state is a word, an icon and a color, always the same three; of a unit that is silent it is not known. */

import { useConnection } from "@/live/hooks";
import { duration } from "./format";
import { Icon, type IconName } from "./icons";
import css from "./StateBadge.module.css";
import { type Shown, shown } from "./states";

const ICONS: Record<Shown, IconName> = { Starting: "starting", On: "on", Paused: "paused", Off: "off", Lost: "lost" };

export const toneOf = (word: Shown): string => css[word.toLowerCase()] ?? "";

interface Props {
  state: string | undefined;
  /** For how long [s] the unit has sent nothing although it should have. */
  silentS?: number;
}

export const StateMark = (props: Props) => <Mark {...props} shape={css.mark} />;

export const StateBadge = (props: Props) => <Mark {...props} shape={css.badge} />;

function Mark({ state, silentS = 0, shape }: Props & { shape: string | undefined }) {
  const { isComplete } = useConnection();
  const word = shown(state);
  if (state === undefined && !isComplete)
    return (
      <span className={`${shape} ${toneOf("Off")}`}>
        <span aria-hidden="true">…</span>
        <span className="visually-hidden">Not known yet</span>
      </span>
    );
  if (word === "On" && silentS > 0)
    return (
      <span className={`${shape} ${toneOf("Off")}`}>
        <Icon name="clock" size={13} />
        No data for {duration(silentS)}
      </span>
    );
  return (
    <span className={`${shape} ${toneOf(word)}`}>
      <Icon name={ICONS[word]} size={13} spin={word === "Starting"} />
      {word}
    </span>
  );
}
