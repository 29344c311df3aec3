/** What a running job measures and what of it can be changed, with that of the automation in charge. */

import { useMemo } from "react";
import { useAutomationsOf } from "@/api/queries";
import type { AutomationKind, JobDescriptor, PublishedSetting } from "@/api/types";
import { useTopics, useTopicsBelow } from "@/live/hooks";
import { parse, setting as settingTopic } from "@/live/topics";
import type { Where } from "./commands";
import css from "./control.module.css";
import { SettingRow } from "./SettingRow";

interface Props {
  job: JobDescriptor;
  /** Undefined for a job that runs no automations. */
  kind: AutomationKind | undefined;
  where: Where;
}

export function JobSettings({ job, kind, where }: Props) {
  if (kind) return <OfAutomation job={job} kind={kind} where={where} />;
  return <Rows settings={job.published_settings} where={where} />;
}

/** Which automation runs on which of the units. */
export function unitsByAutomation(
  units: readonly string[],
  names: readonly (string | undefined)[],
): Map<string, string[]> {
  const found = new Map<string, string[]>();
  units.forEach((unit, i) => {
    const name = names[i];
    if (name) found.set(name, [...(found.get(name) ?? []), unit]);
  });
  return found;
}

function OfAutomation({ job, kind, where }: { job: JobDescriptor; kind: AutomationKind; where: Where }) {
  const { data } = useAutomationsOf(where.units, kind);
  const names = useTopics(
    where.units.map((unit) => settingTopic(unit, where.experiment, where.job, "automation_name")),
  );
  const running = unitsByAutomation(where.units, names);
  const [automation, units] = [...running][0] ?? [];
  if (automation === undefined || units === undefined) return null;
  if (running.size > 1) {
    const said = [...running].map(([name, on]) => `${name.replaceAll("_", " ")} on ${on.join(", ")}`);
    return (
      <p className="soft">Different automations run: {said.join("; ")}. Their settings are changed on each unit.</p>
    );
  }
  const declared = data?.find((one) => one.automation_name === automation)?.published_settings ?? [];
  const own = new Set(declared.map(({ key }) => key));
  const settings = [...job.published_settings.filter(({ key }) => !own.has(key)), ...declared];
  return <Rows settings={settings} where={{ ...where, units }} />;
}

/** What no descriptor mentions: keys that describe the job itself, and records for the leader. */
const INTERNAL = /^\$|^automation_name$|^latest_event$|_automation_settings$/;

/** Return the settings of which a unit publishes a value although no descriptor names them. */
export function undescribed(topics: readonly string[], settings: readonly PublishedSetting[]): PublishedSetting[] {
  const known = new Set(settings.map(({ key }) => key));
  return topics.flatMap((topic) => {
    const [, key, ...deeper] = parse(topic)?.rest ?? [];
    if (key === undefined || deeper.length > 0 || known.has(key) || INTERNAL.test(key)) return [];
    return { key, type: "json", display: true, editable: false } as const;
  });
}

/** Measured values first, then what can be changed, then what is published without a description. */
function Rows({ settings, where }: { settings: readonly PublishedSetting[]; where: Where }) {
  const unit = where.units[0] ?? where.unit;
  const published = useTopicsBelow(`pioreactor/${unit}/${where.experiment}/${where.job}/+`);
  const rows = useMemo(() => {
    const shown = settings.filter(({ display }) => display);
    const readOnly = ({ editable }: PublishedSetting): boolean => editable === false;
    return [
      ...shown.filter(readOnly),
      ...shown.filter((setting) => !readOnly(setting)),
      ...undescribed(published, settings),
    ];
  }, [settings, published]);
  if (rows.length === 0) return null;
  return (
    <section className={css.settings} aria-label="Settings">
      {rows.map((setting) => (
        <SettingRow key={setting.key} setting={setting} where={where} running />
      ))}
    </section>
  );
}
