import { expect, it } from "vitest";
import { Refused } from "@/api/client";
import type { Machine } from "@/api/types";
import { BACKUPS, DATABASE } from "@/demo/imports";
import { secondsOf } from "@/parts/format";
import { networkText } from "./AccessPointDialog";
import { certificateFacts, clockFact, databaseFacts, factsOf, placeOf } from "./machine";
import { unlessAway } from "./PowerDialog";

const AT = "2026-11-29T10:00:00.000Z";
const machine: Machine = {
  pioreactor_unit: "r-1",
  is_leader: false,
  is_simulated: false,
  machine: "Raspberry Pi 4",
  hat: "1.2",
  version: "27.0.0",
  ipv4: "10.0.0.2",
  disk: { total: 30e9, used: 28e9, free: 2e9 },
  memory: { total: 2e9, available: 1e9 },
  cpu_celsius: 85,
  uptime_s: 7200,
  clock: { status: "success", clock_time: AT, synchronized: true },
  services: [{ name: "monitor", is_running: false }],
  web_server: { status: "active", started_at: AT, version: "27.0.0" },
  activities: [],
  backups: [],
  certificates: [],
};

it("warns of what is short, hot or off", () => {
  const facts = factsOf(machine, secondsOf(AT));
  expect(facts.filter((one) => one.warning).map((one) => one.name)).toEqual(["Disk", "Processor", "Services"]);
  expect(facts.find((one) => one.name === "Disk")?.text).toBe("2.0 GB of 30.0 GB free");
  const without = factsOf({ ...machine, cpu_celsius: null, uptime_s: null, machine: null }, secondsOf(AT));
  expect(without.map((one) => one.name)).not.toContain("Processor");
});

it("warns of certificates a month before the first expires", () => {
  const certificates = [
    { name: "authority of the cluster", expires_at: "2049-12-31T23:59:59Z" },
    { name: "unit", expires_at: "2026-12-28T10:00:00Z" },
  ];
  expect(certificateFacts({ certificates }, secondsOf(AT))).toMatchObject([
    { text: "until 2026-12-28", warning: expect.stringContaining("Renew it") },
  ]);
  expect(certificateFacts({ certificates: certificates.slice(0, 1) }, secondsOf(AT))[0]?.warning).toBeUndefined();
});

it("says whether a clock can be trusted", () => {
  const clock = (synchronized: boolean | null, offS = 0, more: Partial<Machine> = {}) =>
    clockFact(
      { ...machine, ...more, clock: { status: "success", clock_time: AT, synchronized } },
      secondsOf(AT) + offS,
    );
  expect(clock(true)).toEqual({ name: "Clock", text: "Synchronized" });
  expect(clock(false).warning).toBeDefined();
  expect(clock(null).warning).toBeDefined();
  expect(clock(false, 0, { is_leader: true }).warning).toBeUndefined();
  expect(clock(false, 3600, { is_leader: true })).toMatchObject({
    text: expect.stringContaining("behind this browser"),
  });
  expect(clock(false, 0, { is_simulated: true })).toEqual({ name: "Clock", text: "Simulated" });
});

it("reports a refusal, and not that a machine which restarts is away", () => {
  expect(() => unlessAway(new Refused("r-1 runs stirring, which a reboot ends", 200))).toThrow("stirring");
  expect(() => unlessAway(new Refused("r-1: 10.0.0.2:443 cannot be reached: timeout", 200))).not.toThrow();
  expect(() => unlessAway(new Refused("The leader does not answer.", 0))).not.toThrow();
});

it("says who is in the network of the leader", () => {
  const closed = { active: false, ssid: null, device: null, address: null, clients: [] };
  const rest = { opens_at_boot: false, consequence: null, problem: null };
  expect(networkText({ ...closed, ...rest })).toContain("closed");
  expect(networkText({ ...closed, ...rest, problem: "this computer has no Wi-Fi adapter" })).toContain("no Wi-Fi");
  const open = { active: true, ssid: "lab", device: "wlan0", address: "10.42.0.1/24", clients: ["10.42.0.17"] };
  expect(networkText({ ...open, ...rest })).toContain("lately: 10.42.0.17.");
  expect(networkText({ ...open, ...rest, clients: [] })).toContain("No device");
});

it("puts a file into the folder that was named", () => {
  expect(placeOf("/ui/charts/", { name: "mine.yaml" })).toBe("ui/charts/mine.yaml");
  expect(placeOf("ui", null)).toBe("ui");
});

it("tells which database there is, and where its newest backup lies", () => {
  const onWorker = BACKUPS.backups.map((one) => ({ ...one, pioreactor_unit: "worker1" }));
  const replaced = { ...onWorker[0], name: "z", pioreactor_unit: "leader", size_bytes: 1, is_before_restore: true };
  const facts = databaseFacts(DATABASE, { backups: [replaced, ...BACKUPS.backups, ...onWorker], silent: [] });
  expect(facts.map((one) => one.text)).toEqual([
    "SQLite 3.50.4",
    DATABASE.location,
    "412.0 MB",
    "r0013",
    "pioreactor-20261122T000012.sqlite on leader, worker1",
  ]);
  expect(databaseFacts(DATABASE, { backups: [], silent: [] }).at(-1)?.text).toBe("none");
});
