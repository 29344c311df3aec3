/** A field for text that a program reads: no line breaks, corrections or capitals of the browser's own. */

import type { ComponentProps } from "react";

interface Props extends Omit<ComponentProps<"textarea">, "onChange"> {
  label: string;
  onText: (text: string) => void;
}

export function CodeArea({ label, onText, ...rest }: Props) {
  return (
    <textarea
      aria-label={label}
      spellCheck={false}
      autoCapitalize="off"
      autoCorrect="off"
      wrap="off"
      onChange={(event) => onText(event.currentTarget.value)}
      {...rest}
    />
  );
}
