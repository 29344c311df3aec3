/** Alarms: what is wrong now, what was, by which rules, and where messages go. */

import { SegmentedControl } from "@mantine/core";
import type { ComponentType } from "react";
import { useOpenAlarms } from "@/api/alarms";
import { useAddressParams } from "@/parts/addressParams";
import { count } from "@/parts/format";
import { PageHeader } from "@/parts/PageHeader";
import { Channels } from "./Channels";
import { History } from "./History";
import { OpenAlarms } from "./OpenAlarms";
import { Rules } from "./Rules";

const PARTS: Record<string, { label: string; Part: ComponentType }> = {
  open: { label: "Open", Part: OpenAlarms },
  history: { label: "History", Part: History },
  rules: { label: "Rules", Part: Rules },
  channels: { label: "Channels", Part: Channels },
};

export default function AlarmsPage() {
  const open = useOpenAlarms();
  const [params, change] = useAddressParams();
  const asked = params.get("show") ?? "open";
  const shown = asked in PARTS ? asked : "open";
  const Part = PARTS[shown]?.Part ?? OpenAlarms;
  return (
    <>
      <PageHeader title="Alarms" about={<span>{count(open.data?.length ?? 0, "open alarm")}</span>} />
      <SegmentedControl
        aria-label="What is shown"
        mb="md"
        data={Object.entries(PARTS).map(([value, { label }]) => ({ value, label }))}
        value={shown}
        onChange={(value) => change((now) => now.set("show", value))}
      />
      <Part />
    </>
  );
}
