/** What the key at the cursor is for, and which keys its section has. */

import { useQuery } from "@tanstack/react-query";
import { get } from "@/api/client";
import type { ConfigKey, ConfigSection } from "@/api/types";
import css from "./configuration.module.css";
import { placeAt } from "./text";

interface Props {
  text: string;
  /** The place of the cursor in the text. */
  at: number;
}

export function KeyHelp({ text, at }: Props) {
  const sections = useQuery({
    queryKey: ["configuration keys"],
    queryFn: ({ signal }) => get<ConfigSection[]>("/api/config/keys", signal),
    staleTime: Infinity,
  });
  const { section, key } = placeAt(text, at);
  const known = sections.data?.find((one) => one.section === section);
  const described = known?.keys.find((one) => one.key === key);
  if (!sections.data) return null;
  return (
    <aside className={`panel ${css.help}`} aria-label="Help on the key at the cursor">
      {section === undefined ? (
        <p className="soft">Place the cursor in a section or at a key to read what it is for.</p>
      ) : known === undefined ? (
        <p>
          <code>[{section}]</code> is not read by this software; a plugin may read it.
        </p>
      ) : (
        <>
          <p>
            <code>[{section}]</code> {known.description}
          </p>
          {described ? (
            <Key described={described} />
          ) : (
            <>
              {key !== undefined && known.keys.length > 0 && (
                <p>
                  <code>{key}</code> is no key of it.
                </p>
              )}
              <p className="soft small">
                {known.keys.length > 0 && `Keys: ${known.keys.map((one) => one.key).join(", ")}.`}
              </p>
            </>
          )}
        </>
      )}
    </aside>
  );
}

function Key({ described: { key, description, takes, default: standard, obsolete } }: { described: ConfigKey }) {
  return (
    <p>
      <code>{key}</code>: {description}; {takes}. Default: {standard === "" ? "blank" : standard}.
      {obsolete && ` No effect: ${obsolete}.`}
    </p>
  );
}
