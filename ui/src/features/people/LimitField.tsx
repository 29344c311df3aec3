/** Limits changes to some of what there is: a switch, and the names below it. */

import { Checkbox } from "@mantine/core";
import css from "./people.module.css";
import type { Limit } from "./rights";

interface Props {
  /** Of what there are several, such as "units". */
  what: string;
  names: readonly string[];
  value: Limit;
  onChange: (value: Limit) => void;
}

export function LimitField({ what, names, value, onChange }: Props) {
  const known = [...new Set([...names, ...(value ?? [])])].sort();
  const toggle = (name: string, isChosen: boolean): void =>
    onChange(isChosen ? [...(value ?? []), name] : (value ?? []).filter((one) => one !== name));
  return (
    <fieldset className={css.limit} aria-label={`Limit to ${what}`}>
      <Checkbox
        label={`Only some ${what}`}
        checked={value !== null}
        onChange={(event) => onChange(event.currentTarget.checked ? [] : null)}
      />
      {value !== null && (
        <div className={css.names}>
          {known.map((name) => (
            <Checkbox
              key={name}
              label={name}
              checked={value.includes(name)}
              onChange={(event) => toggle(name, event.currentTarget.checked)}
            />
          ))}
          {known.length === 0 && <p className="soft small">There are no {what} yet.</p>}
        </div>
      )}
    </fieldset>
  );
}
