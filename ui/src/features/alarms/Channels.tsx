/** Where messages about alarms go, a test of each, and what became of the messages. */

import { Button, Group, Switch } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useAlarmChannels, useAskAgain, useDeliveries } from "@/api/alarms";
import { path, request } from "@/api/client";
import type { AlarmChannel } from "@/api/types";
import { canNotify, isNotifying, notifyHere } from "@/app/notify";
import { clock, day, secondsOf } from "@/parts/format";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Empty, Problem, Waiting } from "@/parts/Problem";
import css from "./alarms.module.css";
import { ChannelDialog } from "./ChannelDialog";
import { RemoveChannel } from "./RemoveChannel";

export function Channels() {
  const found = useAlarmChannels();
  const askAgain = useAskAgain();
  const [edited, setEdited] = useState<AlarmChannel | "new">();
  const [removed, setRemoved] = useState<string>();
  const testing = useMutation({
    mutationFn: (name: string) => request("POST", path("api", "alarms", "channels", name, "test")),
    onSettled: askAgain,
  });
  if (found.error) return <Problem error={found.error} />;
  if (found.isPending) return <Waiting what="channels" />;
  const { channels, kinds } = found.data;
  return (
    <>
      <Group justify="space-between" mb="md">
        <ThisBrowser />
        <Needs call={["PUT", path("api", "alarms", "channels", "new")]}>
          <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setEdited("new")}>
            Add channel
          </Button>
        </Needs>
      </Group>
      {testing.error && <Problem error={testing.error} />}
      {channels.length === 0 ? (
        <Empty title="Messages go nowhere yet.">
          <p className="soft">Add a mail address, a chat or a phone, and send a test message to it.</p>
        </Empty>
      ) : (
        <ul className={css.list} aria-label="Channels">
          {channels.map((channel) => (
            <li key={channel.name} className={`panel ${css.row}`}>
              <div className={css.about}>
                <h2>{channel.name}</h2>
                <p className="soft small">{describe(channel)}</p>
              </div>
              <Group gap="xs">
                <Needs call={["POST", path("api", "alarms", "channels", channel.name, "test")]}>
                  <Button
                    size="compact-sm"
                    variant="default"
                    onClick={() => testing.mutate(channel.name)}
                    aria-label={`Send test message to ${channel.name}`}
                  >
                    Send test message
                  </Button>
                </Needs>
                <Needs call={["PUT", path("api", "alarms", "channels", channel.name)]}>
                  <Button
                    size="compact-sm"
                    variant="default"
                    onClick={() => setEdited(channel)}
                    aria-label={`Change ${channel.name}`}
                  >
                    Change
                  </Button>
                </Needs>
                <Needs call={["DELETE", path("api", "alarms", "channels", channel.name)]}>
                  <Button
                    size="compact-sm"
                    variant="default"
                    onClick={() => setRemoved(channel.name)}
                    aria-label={`Remove ${channel.name}`}
                  >
                    Remove
                  </Button>
                </Needs>
              </Group>
            </li>
          ))}
        </ul>
      )}
      <Messages />
      <ChannelDialog edited={edited} kinds={kinds} onClose={() => setEdited(undefined)} />
      <RemoveChannel name={removed} onClose={() => setRemoved(undefined)} />
    </>
  );
}

function describe({ kind, lowest, enabled, quiet, only_escalated }: AlarmChannel): string {
  const parts = [kind, only_escalated ? "escalated alarms only" : `from ${lowest}`];
  if (quiet) parts.push(`quiet from ${quiet.start} to ${quiet.end}`);
  if (!enabled) parts.push("switched off");
  return parts.join(", ");
}

function ThisBrowser() {
  const [on, setOn] = useState(isNotifying);
  if (!canNotify()) return <span />;
  return (
    <Switch
      label="Notify me in this browser while a page is open"
      checked={on}
      onChange={(event) => void notifyHere(event.currentTarget.checked).then(setOn)}
    />
  );
}

const WORDS = { queued: "waits", sending: "is being sent", sent: "sent", failed: "not delivered" };

function Messages() {
  const messages = useDeliveries();
  if (messages.error) return <Problem error={messages.error} />;
  if (!messages.data || messages.data.length === 0) return null;
  return (
    <section aria-label="Messages" className={css.messages}>
      <h2>Messages</h2>
      <ul className={css.list}>
        {messages.data.map(({ id, channel, notice, state, attempts, created_at, error }) => (
          <li key={id}>
            <p>
              <span className="num soft">
                {day(secondsOf(created_at))}, {clock(secondsOf(created_at))}
              </span>{" "}
              {notice.title} → {channel}: <strong>{WORDS[state]}</strong>
              {attempts > 1 ? ` after ${attempts} attempts` : ""}
            </p>
            {error && <p className="soft small">{error}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}
