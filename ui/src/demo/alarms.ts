/** Alarms of the demo: what its leader knows, and its answers to what people do about them. */

import type { Answer, Method } from "@/api/client";
import type { Alarm, AlarmChannels, AlarmConditions, AlarmDelivery, AlarmWithLife, RuleInForce } from "@/api/types";
import type { DemoCluster } from "./cluster";
import { LOST_UNIT } from "./faults";
import { iso } from "./recording";

type Route = (parameters: string[], body: Record<string, unknown>) => Answer;

const ok = (body: unknown, status = 200): Answer => ({ status, body });

const PLAIN = { remedy: "", needs_acknowledgment: true, occurrences: 1, cleared_at: null, escalated_at: null };
const UNTOUCHED = { acknowledged_at: null, acknowledged_by: null, note: null, shelved_until: null };

/** The alarms of a cluster with a lost unit, records that wait, and a worn pump that a person looks after. */
export function someAlarms(nowS: number): Alarm[] {
  return [
    {
      ...PLAIN,
      ...UNTOUCHED,
      id: 12,
      rule: "unit_silent",
      pioreactor_unit: LOST_UNIT,
      experiment: "$experiment",
      title: "Unit is lost",
      severity: "high",
      message: "its monitor disconnected unexpectedly.",
      remedy: "Check its power and network. Its jobs continue if it has power.",
      raised_at: iso(nowS - 600),
      state: "unacknowledged",
    },
    {
      ...PLAIN,
      ...UNTOUCHED,
      id: 11,
      rule: "records_waiting",
      pioreactor_unit: "reactor-03",
      experiment: "$experiment",
      title: "Records wait for the leader",
      severity: "medium",
      message: "1204 records have waited for 40 min.",
      remedy: "They are stored on the unit. Check that the leader has free disk space and runs mqtt_to_db_streaming.",
      raised_at: iso(nowS - 2400),
      state: "unacknowledged",
    },
    {
      ...PLAIN,
      ...UNTOUCHED,
      id: 9,
      rule: "pump_worn",
      pioreactor_unit: "reactor-01",
      experiment: "demo",
      title: "Pump may be worn",
      severity: "medium",
      message: "The media pump moves 4 % less than calibrated.",
      raised_at: iso(nowS - 7200),
      acknowledged_at: iso(nowS - 5400),
      acknowledged_by: "ada",
      note: "tube is on order",
      state: "acknowledged",
    },
  ];
}

const rule = (
  fields: Pick<RuleInForce["rule"], "name" | "title" | "severity" | "condition">,
  changed: Partial<RuleInForce> = {},
): RuleInForce => {
  const whole = {
    ...{ scope: "unit" as const, delay_s: 0, off_delay_s: 5, escalate_after_s: 1800 },
    ...{ needs_acknowledgment: true, enabled: true, remedy: "" },
    ...fields,
  };
  return {
    rule: whole,
    declared: whole,
    is_configured: false,
    is_changed: false,
    username: null,
    fault: null,
    ...changed,
  };
};

const RULES: RuleInForce[] = [
  rule({
    name: "stirring_stalled",
    title: "Stir bar does not turn",
    severity: "high",
    condition: { type: "diagnosis", job: "stirring", name: "stalled" },
  }),
  rule(
    {
      name: "too_warm",
      title: "Culture is too warm",
      severity: "high",
      condition: {
        ...{ type: "limit", topic: "temperature_automation/temperature", field: "temperature" },
        ...{ above: 39.5, below: null, hysteresis: 0.5, unit: "°C" },
      },
    },
    { declared: null, is_changed: true, username: "ada" },
  ),
  rule({ name: "unit_silent", title: "Unit is lost", severity: "high", condition: { type: "silent", after_s: 150 } }),
];

const secret = (name: string, label: string) => ({
  ...{ name, label, help: "", is_secret: true, is_required: true, choices: [], default: "" },
});
const text = (name: string, label: string, given = "") => ({
  ...{ name, label, help: "", is_secret: false, is_required: true, choices: [] as string[], default: given },
});

const CHANNELS: AlarmChannels = {
  channels: [
    {
      ...{ name: "phone", kind: "ntfy", options: { url: "••••••••" }, enabled: true, lowest: "high" },
      ...{ only_escalated: false, tells_clearing: true, watches_leader: true, units: [] },
      quiet: { start: "22:00", end: "07:00", breaks_at: "critical" },
    },
  ],
  kinds: {
    email: [
      text("host", "Mail server"),
      text("port", "Port", "587"),
      { ...text("security", "Encryption"), choices: ["starttls", "tls", "none"] },
      { ...text("username", "User name"), is_required: false },
      text("sender", "From"),
      text("recipients", "To"),
      { ...secret("password", "Password"), is_required: false },
    ],
    ntfy: [secret("url", "Address of the webhook")],
    slack: [secret("url", "Address of the webhook")],
  },
};

const field = (name: string, kind: "number" | "text" | "texts", usual: number | string | string[] | null = null) => ({
  ...{ name, kind, is_required: usual === null && kind === "text", default: usual },
});
const CONDITIONS: AlarmConditions = {
  kinds: [
    {
      type: "limit",
      help: "A measured value is above or below a limit [unit of the value].",
      fields: [
        ...[field("topic", "text"), field("field", "text", ""), field("above", "number"), field("below", "number")],
        ...[field("hysteresis", "number", 0), field("unit", "text", "")],
      ],
    },
    {
      type: "state",
      help: "A job is in one of these states; `job` blank: any job but the monitor.",
      fields: [field("job", "text", ""), field("states", "texts", ["lost"])],
    },
  ],
  numbers: [
    { topic: "temperature_automation/temperature", field: "temperature", label: "Temperature", unit: "°C" },
    { topic: "stirring/measured_rpm", field: "measured_rpm", label: "Stirring", unit: "RPM" },
  ],
};

const deliveries = (nowS: number): AlarmDelivery[] => [
  {
    ...{ id: 4, channel: "phone", state: "sent", attempts: 1, error: null },
    created_at: iso(nowS - 598),
    attempted_at: iso(nowS - 598),
    finished_at: iso(nowS - 597),
    notice: { title: `Unit is lost (${LOST_UNIT})`, text: "", severity: "high", link: "", alarm_ids: [12] },
  },
];

const lifeOf = (alarm: Alarm): AlarmWithLife => ({
  alarm,
  events: [
    { id: 1, alarm_id: alarm.id, timestamp: alarm.raised_at, event: "raised", username: null, message: alarm.message },
  ],
});

/** What is read below `/api/alarms`, by path. */
export function alarmReads(cluster: DemoCluster, alarms: readonly Alarm[]): Record<string, () => unknown> {
  return {
    "/api/alarms": () => alarms,
    "/api/alarms/history": () => alarms,
    "/api/alarms/rules": () => RULES,
    "/api/alarms/conditions": () => CONDITIONS,
    "/api/alarms/channels": () => CHANNELS,
    "/api/alarms/deliveries": () => deliveries(cluster.nowS),
    ...Object.fromEntries(alarms.map((one) => [`/api/alarms/by_id/${one.id}`, () => lifeOf(one)])),
  };
}

/** What changes something below `/api/alarms`. */
export function alarmWrites(cluster: DemoCluster, alarms: Alarm[]): [Method, string, Route][] {
  const change = (id: number, changes: Partial<Alarm>): Alarm => {
    const found = alarms.findIndex((one) => one.id === id);
    const changed = { ...(alarms[found] ?? (alarms[0] as Alarm)), ...changes };
    if (found >= 0) alarms[found] = changed;
    return changed;
  };
  const acknowledged = { acknowledged_at: iso(cluster.nowS), acknowledged_by: "pioreactor" };
  return [
    [
      "POST",
      "/api/alarms/acknowledge",
      (_, { ids, note }) =>
        ok(
          ((ids ?? []) as number[]).map((id) =>
            change(id, { ...acknowledged, note: (note as string | undefined) ?? "", state: "acknowledged" }),
          ),
        ),
    ],
    [
      "POST",
      "/api/alarms/by_id/{id_}/shelve",
      ([id], { hours }) =>
        ok(change(Number(id), { state: "shelved", shelved_until: iso(cluster.nowS + 3600 * Number(hours ?? 1)) })),
    ],
    [
      "POST",
      "/api/alarms/by_id/{id_}/unshelve",
      ([id]) => ok(change(Number(id), { state: "unacknowledged", shelved_until: null })),
    ],
    ["PATCH", "/api/alarms/rules/{name}", () => ok(RULES[0])],
    ["DELETE", "/api/alarms/rules/{name}", () => ok({ status: "success", msg: null })],
    ["PUT", "/api/alarms/channels/{name}", () => ok(CHANNELS.channels[0])],
    ["DELETE", "/api/alarms/channels/{name}", () => ok({ status: "success", msg: null })],
    ["POST", "/api/alarms/channels/{name}/test", () => ok({ delivery_id: 4 }, 202)],
  ];
}
