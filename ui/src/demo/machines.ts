/** What the demo's leader knows of its machines and people. */

import type { Answer, Method } from "@/api/client";
import type {
  AccessPoint,
  AuditPage,
  ConfigSync,
  DeliveryStatus,
  HomeAssistantStatus,
  Invitation,
  Machine,
  OidcCheck,
  Person,
  SentFile,
  SignedInBrowser,
  UnitName,
  UsbArtifact,
  UsbState,
  Worker,
} from "@/api/types";
import type { DemoCluster } from "./cluster";
import { LOST_UNIT } from "./faults";
import { BACKUPS, DATABASE, EXPERIMENT_PLAN, IMPORT_STATE, IMPORTED_EXPERIMENT, MADE_BACKUP, PLAN } from "./imports";
import type { Tasks } from "./leader";
import { iso } from "./recording";

type Reads = Record<string, () => unknown>;

const ok = (body: unknown): Answer => ({ status: 200, body });

const PEOPLE: Person[] = [
  {
    username: "ada",
    role: "operator",
    units: ["reactor-01", "reactor-02"],
    experiments: null,
    has_second_factor: true,
    signs_in_by_issuer: false,
  },
  {
    username: "pioreactor",
    role: "manager",
    units: null,
    experiments: null,
    has_second_factor: false,
    signs_in_by_issuer: false,
  },
];
const ISSUER: OidcCheck = {
  issuer: "https://login.example.edu",
  redirect_uri: "https://lab.example.edu/auth/oidc/return",
  has_secret: true,
  algorithms: ["RS256", "ES256"],
  keys: 2,
};
const MIA: Person = {
  username: "mia",
  role: "viewer",
  units: null,
  experiments: null,
  has_second_factor: false,
  signs_in_by_issuer: false,
};

const RIGHTS = { role: "operator" as const, units: ["reactor-01"], experiments: null, areas: null, is_agent: false };

const HOME_ASSISTANT: HomeAssistantStatus = {
  enabled: false,
  token: null,
  commands_by: null,
  broker_address: "leader.local",
  broker_port: 1883,
  username: "home-assistant",
  has_account: false,
  password: null,
};

const invitationsOf = (nowS: number): Invitation[] => [
  {
    id: "5d0f6a11c2e9",
    note: "Ana, rotation student",
    invited_by: "pioreactor",
    rights: RIGHTS,
    created_at: iso(nowS - 3600),
    expires_at: iso(nowS + 71 * 3600),
    state: "open",
    used_at: null,
    used_by: null,
  },
];

const sessionsOf = (nowS: number): SignedInBrowser[] =>
  (
    [
      ["ada", "Safari on iPhone", "10.0.0.81", 3 * 86_400],
      ["pioreactor", "Firefox on Linux", "10.0.0.80", 600],
      ["pioreactor", "Chrome on Windows", "10.0.0.93", 9 * 86_400],
    ] as const
  ).map(([username, browser, address, ageS], i) => ({
    id: `${i}`.padStart(12, "0"),
    username,
    opened_at: iso(nowS - ageS),
    last_seen_at: iso(nowS - 60 * i),
    expires_at: iso(nowS + 30 * 86_400 - ageS),
    address,
    browser,
    is_own: i === 1,
  }));

function machineOf(unit: string, i: number, nowS: number): Machine {
  const is_leader = unit === "leader";
  return {
    pioreactor_unit: unit,
    is_leader,
    is_simulated: false,
    machine: is_leader ? "Raspberry Pi 5 Model B Rev 1.0" : "Raspberry Pi 4 Model B Rev 1.5",
    hat: is_leader ? null : "1.2",
    version: "27.0.0",
    ipv4: `10.0.0.${i + 2}`,
    disk: { total: 31e9, used: 12e9 + i * 1e9, free: 19e9 - i * 1e9 },
    memory: { total: 4e9, available: 2.6e9 },
    cpu_celsius: 44 + i,
    uptime_s: 86_400 * 9 + i * 60,
    certificates: [{ name: "unit", expires_at: "2049-12-31T23:59:59Z" }],
    clock: { status: "success", clock_time: new Date().toISOString(), synchronized: is_leader ? null : i !== 2 },
    services: [
      { name: "monitor", is_running: true },
      ...(is_leader ? [{ name: "mqtt_to_db_streaming", is_running: true }] : []),
    ],
    web_server: { status: "active", started_at: iso(nowS - 86_400 * 9), version: "27.0.0" },
    activities: is_leader ? [] : ["od_reading", "stirring"],
    backups: is_leader ? [{ name: "pioreactor-20261122T000012.sqlite", size_bytes: 412_000_000 }] : [],
  };
}

/** A drive is plugged in where the address of the page says so: `?usb`, and mounted with `?usb=mounted`. */
function usbState(): UsbState {
  const usb = typeof location === "undefined" ? null : new URLSearchParams(location.search).get("usb");
  const drive = { device: "/dev/sda1", label: "LAB", filesystem: "vfat", size_bytes: 16e9, is_readonly: false };
  if (usb === null) return { status: "absent", drives: [], message: "" };
  if (usb !== "mounted") return { status: "present_unmounted", drives: [{ ...drive, path: null }], message: "" };
  return { status: "mounted", drives: [{ ...drive, path: "/media/pioreactor/LAB", free_bytes: 9.2e9 }], message: "" };
}

const SENT: SentFile[] = [{ path: "exportable_datasets/media_used.yaml", size_bytes: 620 }];

const ON_USB: UsbArtifact[] = [
  {
    filepath: "pioreactor/plugins/valve-2.0-py3-none-any.whl",
    kind: "plugin",
    size_bytes: 12_000,
    device: "/dev/sda1",
  },
];

/** The leader's own network, closed unless a drive is plugged in. */
const accessPoint = (): AccessPoint => ({
  active: usbState().status !== "absent",
  ssid: "pioreactor",
  device: "wlan0",
  address: "10.42.0.1/24",
  clients: ["10.42.0.17"],
  opens_at_boot: false,
  consequence: "the present connection of wlan0 ends: eth0 stays connected",
  problem: null,
});

const logOf = (nowS: number): string =>
  [
    `${iso(nowS - 340)} INFO     [monitor] Ready.`,
    `${iso(nowS - 300)} INFO     [stirring] Ready.`,
    `${iso(nowS - 20)} WARNING  [od_reading] The reference photodiode is dim.`,
  ].join("\n");

function auditPage(nowS: number): AuditPage {
  const changes = [
    {
      actor_kind: "token",
      token: "nightly export",
      action: "export_datasets",
      summary: "write an archive of datasets",
    },
    {
      actor_kind: "person",
      action: "update_on_units",
      summary: "set target_rpm 500 of stirring on reactor-01",
      unit: "reactor-01",
      details: '{"request":{"settings":{"target_rpm":500}}}',
    },
    { actor_kind: "person", actor: "ada", action: "blink", summary: "blink on reactor-03", outcome: "refused" },
  ] as const;
  return {
    entries: changes.map((change, i) => ({
      id: changes.length - i,
      timestamp: iso(nowS - 600 * (i + 1)),
      change: { actor: "pioreactor", outcome: "done", request_id: "", details: "{}", ...change },
      hash: String(i).repeat(64),
    })),
    actors: ["ada", "pioreactor"],
    public_key: null,
    fingerprint: null,
  };
}

/** Answers to GET by path. */
export function machineReads(cluster: DemoCluster): Reads {
  const recorded = <T>(path: string): T => cluster.recording.answers.get(path)?.body as T;
  const workers = (): string[] => recorded<Worker[]>("/api/workers").map((one) => one.pioreactor_unit);
  const ofMachines = Object.fromEntries(
    ["leader", ...workers()].flatMap((unit, i): [string, () => unknown][] =>
      unit === LOST_UNIT
        ? []
        : [
            [`/api/units/${unit}/system/machine`, () => machineOf(unit, i, cluster.nowS)],
            [`/api/units/${unit}/system/log`, () => logOf(cluster.nowS)],
            [`/api/units/${unit}/usb`, usbState],
            [`/api/units/${unit}/usb/artifacts`, () => ON_USB],
            [`/api/units/${unit}/system/sent_files`, () => SENT],
          ],
    ),
  );
  return {
    ...ofMachines,
    "/api/units": (): UnitName[] => ["leader", ...workers()].map((pioreactor_unit) => ({ pioreactor_unit })),
    "/api/import": () => IMPORT_STATE,
    "/api/backups": () => BACKUPS,
    "/api/database": () => DATABASE,
    "/api/local_access_point": accessPoint,
    "/unit_api/usb": usbState,
    "/unit_api/usb/artifacts": () => ON_USB,
    "/auth/sessions": () => sessionsOf(cluster.nowS),
    "/api/home_assistant": () => HOME_ASSISTANT,
    "/auth/invitations": () => invitationsOf(cluster.nowS),
    "/auth/second-factor": () => ({ is_on: false, recovery_codes_left: 0 }),
    "/auth/people": (): Person[] => PEOPLE,
    "/auth/oidc": () => ({ is_on: true, label: "Example University" }),
    "/auth/oidc/check": () => ISSUER,
    "/api/audit": () => auditPage(cluster.nowS),
    "/api/config/sync": (): ConfigSync => ({
      version: { number: 3, saved_at: iso(cluster.nowS - 7200) },
      units: workers().map((unit) => deliveryTo(unit, 3, cluster.nowS)),
      own: workers().map((unit) => deliveryTo(unit, 2, cluster.nowS)),
    }),
  };
}

const deliveryTo = (pioreactor_unit: string, newest: number, nowS: number): DeliveryStatus => {
  const known = { pioreactor_unit, newest, since: iso(nowS - 7200) };
  return pioreactor_unit === LOST_UNIT
    ? {
        ...known,
        state: "waiting",
        version: newest - 1,
        message: `${LOST_UNIT}.local:443 cannot be reached: no response within 5 s`,
      }
    : { ...known, state: "in_step", version: newest, message: null };
};

/** Answers to commands by method and OpenAPI path. */
export function machineWrites(tasks: Tasks): [Method, string, () => Answer][] {
  return [
    ["POST", "/api/audit/verify", () => tasks.succeed({ entries: 3, heads: 1, fault: null, fault_at: null })],
    ["POST", "/api/config/sync", () => ok({ shared: {}, specific: {} })],
    ["POST", "/api/units/{unit}/system/reboot", () => tasks.succeed({})],
    ["POST", "/api/units/{unit}/system/shutdown", () => tasks.succeed({})],
    ["POST", "/api/units/{unit}/system/web_server/restart", () => tasks.succeed({})],
    ["POST", "/api/units/{unit}/system/certificates/renew", () => tasks.succeed({ certificates: [] })],
    ["POST", "/api/units/{unit}/system/repair", () => tasks.succeed({})],
    ["POST", "/api/units/{unit}/system/remove_file", () => tasks.succeed({})],
    ["PUT", "/api/units/{unit}/system/sent_files/{path}", () => ok({})],
    ["POST", "/api/units/{unit}/usb/mount", () => tasks.succeed({})],
    ["POST", "/api/units/{unit}/usb/eject", () => tasks.succeed({})],
    ["POST", "/api/units/{unit}/import_zipped_dot_pioreactor", () => tasks.succeed({})],
    ["DELETE", "/api/units/{unit}/import_zipped_dot_pioreactor", () => tasks.succeed({})],
    ["POST", "/api/database/verify", () => tasks.succeed([])],
    ["POST", "/api/database/repair", () => tasks.succeed([])],
    ["POST", "/api/backups", () => tasks.succeed(MADE_BACKUP)],
    ["POST", "/api/backups/verify", () => tasks.succeed({ pioreactor_unit: "leader", name: "a.sqlite", rows: 7 })],
    ["POST", "/api/backups/restore", () => tasks.succeed({ before: "before-restore-20261128T000000.sqlite" })],
    ["POST", "/api/experiments/{experiment}/archive", () => tasks.succeed({})],
    ["PUT", "/api/import/archive", () => ok({ status: "success" })],
    ["POST", "/api/import/plan", () => tasks.succeed(PLAN)],
    ["POST", "/api/import", () => tasks.succeed(IMPORT_STATE.last)],
    ["PUT", "/api/import/experiment", () => ok({ status: "success" })],
    ["POST", "/api/import/experiment/plan", () => tasks.succeed(EXPERIMENT_PLAN)],
    ["POST", "/api/import/experiment", () => tasks.succeed(IMPORTED_EXPERIMENT)],
    ["DELETE", "/api/import", () => tasks.succeed(IMPORT_STATE.last)],
    ["POST", "/api/system/utc_clock", () => tasks.succeed({})],
    ["POST", "/api/local_access_point/start", () => tasks.succeed(accessPoint())],
    ["POST", "/api/local_access_point/stop", () => tasks.succeed(accessPoint())],
    ["PUT", "/auth/people", () => ({ status: 201, body: MIA })],
    ["PATCH", "/auth/people/{username}", () => ok(MIA)],
    ["PATCH", "/auth/password", () => ok({ status: "success" })],
    [
      "POST",
      "/auth/invitations",
      () => ({
        status: 201,
        body: { link: "/invitation#only-a-demonstration", id: "000000000001", expires_at: iso(Date.now() / 1000) },
      }),
    ],
    ["POST", "/auth/invitation", () => ok({ rights: RIGHTS, expires_at: iso(Date.now() / 1000) })],
    ["POST", "/auth/invitation/accept", () => ({ status: 201, body: { username: "ana" } })],
    ["PUT", "/api/home_assistant", () => ok({ ...HOME_ASSISTANT, enabled: true })],
    ["DELETE", "/api/home_assistant", () => ok(HOME_ASSISTANT)],
    ["DELETE", "/auth/invitations/{id_}", () => ok({ status: "success" })],
    [
      "POST",
      "/auth/second-factor",
      () => ({
        status: 201,
        body: { secret: "ONLYADEMONSTRATION", uri: "otpauth://totp/", qr: ["101", "010", "101"] },
      }),
    ],
    ["POST", "/auth/second-factor/confirm", () => ok({ recovery_codes: ["abcd-efgh-jkmn-pqrs"] })],
    ["POST", "/auth/second-factor/remove", () => ok({ status: "success" })],
    ["DELETE", "/auth/people/{username}/second-factor", () => ok({ status: "success" })],
    ["DELETE", "/auth/sessions/{id_}", () => ok({ status: "success" })],
    ["POST", "/auth/oidc/start", () => ok({ url: "/" })],
    ["PUT", "/auth/oidc/secret", () => ok({ status: "success" })],
    ["DELETE", "/auth/people/{username}", () => ok({ status: "success" })],
  ];
}
