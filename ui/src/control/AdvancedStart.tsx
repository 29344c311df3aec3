/** Starts a job with other configuration for one run: the values in force, each of which can be changed. */

import { TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get, path } from "@/api/client";
import type { UnitConfigs } from "@/api/types";
import { count } from "@/parts/format";
import { Problem, Waiting } from "@/parts/Problem";
import type { ConfigOverride } from "./commands";
import css from "./control.module.css";

type Sections = Record<string, Record<string, string>>;

/** Return the sections that are about a job, of one unit. */
export function sectionsOf(job: string, configs: UnitConfigs["configs"]): Sections {
  const [first] = Object.values(configs ?? {});
  return Object.fromEntries(
    Object.entries(first ?? {})
      .filter(([section]) => section === job || section.startsWith(`${job}.`))
      .map(([section, keys]) => [
        section,
        Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, String(value ?? "")])),
      ]),
  );
}

interface Props {
  job: string;
  unit: string;
  overrides: readonly ConfigOverride[];
  onChange: (overrides: readonly ConfigOverride[]) => void;
}

export function AdvancedStart(props: Props) {
  const [opened, setOpened] = useState(false);
  const { length } = props.overrides;
  return (
    <details className={css.advanced} onToggle={(event) => setOpened(event.currentTarget.open)}>
      <summary>Advanced: configuration of this run{length > 0 && `, ${count(length, "value")} changed`}</summary>
      {opened && <Values {...props} />}
    </details>
  );
}

function Values({ job, unit, overrides, onChange }: Props) {
  const config = useQuery({
    queryKey: ["config", "merged", unit],
    queryFn: ({ signal }) => get<UnitConfigs>(path("api", "config", "units", unit), signal),
  });
  if (config.error) return <Problem error={config.error} />;
  if (!config.data) return <Waiting what={`the configuration of ${unit}`} />;
  const failed = Object.values(config.data.errors ?? {})[0];
  if (failed) return <Problem error={`${unit} did not send its configuration. Check its power and network.`} />;
  const sections = sectionsOf(job, config.data.configs);
  if (Object.keys(sections).length === 0) return <p className="soft">Nothing is configured for this activity.</p>;
  const given = (section: string, key: string): string | undefined =>
    overrides.find(([inSection, ofKey]) => inSection === section && ofKey === key)?.[2];
  const change = (section: string, key: string, value: string, inForce: string): void => {
    const others = overrides.filter(([inSection, ofKey]) => inSection !== section || ofKey !== key);
    onChange(value === inForce ? others : [...others, [section, key, value]]);
  };
  return (
    <>
      <p className="soft small">These hold until the activity is stopped; the configuration itself does not change.</p>
      {Object.entries(sections).map(([section, keys]) => (
        <fieldset key={section} className={css.overrides}>
          <legend className="soft small">{section}</legend>
          {Object.entries(keys).map(([key, inForce]) => (
            <TextInput
              key={key}
              size="xs"
              label={key}
              value={given(section, key) ?? inForce}
              description={
                given(section, key) === undefined ? undefined : `in force: ${inForce === "" ? "nothing" : inForce}`
              }
              inputWrapperOrder={["label", "input", "description", "error"]}
              onChange={(event) => change(section, key, event.currentTarget.value, inForce)}
            />
          ))}
        </fieldset>
      ))}
    </>
  );
}
