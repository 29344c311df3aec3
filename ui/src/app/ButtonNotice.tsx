/** Says whose button is pressed: a person at the bench finds the unit on the screen. */

import { useEffect, useState } from "react";
import { useBelow } from "@/live/hooks";
import { ALL, monitor, parse } from "@/live/topics";
import { Icon } from "@/parts/icons";
import css from "./app.module.css";

const BUTTONS = monitor(ALL, "button_down");
/** A short press is read for so long [ms]. */
const SHOWN_MS = 3000;

/** The units whose buttons are down, by the payloads of their monitors. */
export const pressedIn = (buttons: Readonly<Record<string, string>>): string[] =>
  Object.entries(buttons).flatMap(([topic, payload]) =>
    /^(true|1)$/i.test(payload) ? (parse(topic)?.unit ?? []) : [],
  );

export function ButtonNotice() {
  const pressed = pressedIn(useBelow(BUTTONS)).join(", ");
  const [shown, show] = useState("");
  useEffect(() => {
    if (pressed !== "") {
      show(pressed);
      return;
    }
    const timer = setTimeout(() => show(""), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [pressed]);
  return (
    <div role="status" className={css.notice} data-shown={shown !== "" || undefined}>
      {shown !== "" && (
        <>
          <Icon name="bulb" size={16} /> The button of {shown} is pressed.
        </>
      )}
    </div>
  );
}
