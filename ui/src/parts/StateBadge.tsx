/** A state is a word, an icon and a color, always the same three. */

import { Icon, type IconName } from "./icons";
import css from "./StateBadge.module.css";
import { type Shown, shown } from "./states";

const ICONS: Record<Shown, IconName> = { Starting: "starting", On: "on", Paused: "paused", Off: "off", Lost: "lost" };

export const toneOf = (word: Shown): string => css[word.toLowerCase()] ?? "";

export function StateMark({ state }: { state: string | undefined }) {
  const word = shown(state);
  return (
    <span className={`${css.mark} ${toneOf(word)}`}>
      <Icon name={ICONS[word]} size={13} spin={word === "Starting"} />
      {word}
    </span>
  );
}

export function StateBadge({ state }: { state: string | undefined }) {
  const word = shown(state);
  return (
    <span className={`${css.badge} ${toneOf(word)}`}>
      <Icon name={ICONS[word]} size={13} spin={word === "Starting"} />
      {word}
    </span>
  );
}
