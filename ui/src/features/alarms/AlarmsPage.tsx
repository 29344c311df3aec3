/** Alarms: what is wrong now, what was, by which rules, and where messages go. */

import { Tabs } from "@mantine/core";
import { useOpenAlarms } from "@/api/alarms";
import { useAddressParams } from "@/parts/addressParams";
import { count } from "@/parts/format";
import { PageHeader } from "@/parts/PageHeader";
import { Channels } from "./Channels";
import { History } from "./History";
import { OpenAlarms } from "./OpenAlarms";
import { Rules } from "./Rules";

export default function AlarmsPage() {
  const open = useOpenAlarms();
  const [params, change] = useAddressParams();
  const shown = params.get("show") ?? "open";
  const show = (value: string | null): void => change((now) => now.set("show", value ?? "open"));
  return (
    <>
      <PageHeader title="Alarms" about={<span>{count(open.data?.length ?? 0, "open alarm")}</span>} />
      <Tabs value={shown} onChange={show} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="open">Open</Tabs.Tab>
          <Tabs.Tab value="history">History</Tabs.Tab>
          <Tabs.Tab value="rules">Rules</Tabs.Tab>
          <Tabs.Tab value="channels">Channels</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="open">
          <OpenAlarms />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <History />
        </Tabs.Panel>
        <Tabs.Panel value="rules">
          <Rules />
        </Tabs.Panel>
        <Tabs.Panel value="channels">
          <Channels />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
