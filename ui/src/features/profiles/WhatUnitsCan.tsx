/** What a profile may start and set, as the units describe it: jobs, automations, their options and settings. */

import { TextInput } from "@mantine/core";
import { useState } from "react";
import { Icon } from "@/parts/icons";
import { Problem, Waiting } from "@/parts/Problem";
import { type Runnable, runnableOf, searched } from "./capabilities";
import css from "./profiles.module.css";
import { useCapabilities } from "./queries";

export function WhatUnitsCan() {
  const [opened, open] = useState(false);
  return (
    <details style={{ marginTop: 12 }} onToggle={(event) => open(event.currentTarget.open)}>
      <summary>Jobs, options and settings</summary>
      {opened && <Searchable />}
    </details>
  );
}

function Searchable() {
  const answers = useCapabilities();
  const [text, setText] = useState("");
  if (answers.error) return <Problem error={answers.error} />;
  if (!answers.data) return <Waiting what="what the units can run" />;
  const all = runnableOf(answers.data);
  const units = Object.values(answers.data).filter((one) => one.ok).length;
  const found = searched(all, text);
  return (
    <div className={css.capabilities}>
      <TextInput
        size="xs"
        aria-label="Find a job, option or setting"
        placeholder="Find"
        leftSection={<Icon name="search" size={15} />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {found.length === 0 && <p className="soft">Nothing fits.</p>}
      <ul aria-label="What units can run">
        {found.map((one) => (
          <li key={one.name}>
            <One runnable={one} isOnAll={one.units.length === units} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function One({
  runnable: { name, help, options, settings, units },
  isOnAll,
}: {
  runnable: Runnable;
  isOnAll: boolean;
}) {
  return (
    <>
      <p>
        <code>{name}</code> {!isOnAll && <span className="soft small">only on {units.join(", ")}</span>}
      </p>
      {help && <p className="soft small">{help}</p>}
      {options.length > 0 && (
        <p className="small">
          Options: <code>{options.join(", ")}</code>
        </p>
      )}
      {settings.length > 0 && (
        <p className="small">
          Settings: <code>{settings.join(", ")}</code>
        </p>
      )}
    </>
  );
}
