/** What is said about a machine: sizes, shares, its clock. */

import { path, Refused, refusals, request } from "@/api/client";
import type { Backups, DatabaseStatus, Machine } from "@/api/types";
import { duration, secondsOf } from "@/parts/format";

const LITTLE_FREE = 0.1;
const HOT_CELSIUS = 80;
/** A difference that the way of the answer does not explain [s]. */
const CLOCK_OFF_S = 10;
/** As in `pio status`: 30 days. */
const EXPIRY_WARNING_S = 30 * 86_400;

export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

const ENGINES = { sqlite: "SQLite", postgresql: "PostgreSQL" };

/** Which database the leader has, and its newest backup on any machine. */
export function databaseFacts(database: DatabaseStatus, backups: Backups | undefined): Fact[] {
  const made = backups?.backups.filter((one) => !one.is_before_restore);
  const [newest] = [...(made ?? [])].sort((a, b) => b.name.localeCompare(a.name));
  const machines = made?.filter((one) => one.name === newest?.name).map((one) => one.pioreactor_unit) ?? [];
  return [
    { name: "Engine", text: `${ENGINES[database.engine]} ${database.version}` },
    { name: "Where", text: database.location },
    { name: "Size", text: `${(database.size_bytes / 1e6).toFixed(1)} MB` },
    { name: "Revision", text: database.revision },
    { name: "Last backup", text: newest ? `${newest.name} on ${machines.join(", ")}` : made ? "none" : "unknown" },
  ];
}

export interface Fact {
  name: string;
  text: string;
  /** What is wrong with it. */
  warning?: string;
}

function spaceFact(name: string, free: number, total: number, what: string): Fact {
  const text = `${gigabytes(free)} of ${gigabytes(total)} free`;
  return free < LITTLE_FREE * total ? { name, text, warning: what } : { name, text };
}

/** The clock beside the time of this browser [s]. */
export function clockFact(machine: Pick<Machine, "clock" | "is_leader" | "is_simulated">, nowS: number): Fact {
  const { clock_time, synchronized } = machine.clock;
  const ahead = secondsOf(clock_time) - nowS;
  const off =
    Math.abs(ahead) > CLOCK_OFF_S
      ? `, ${duration(Math.abs(ahead))} ${ahead > 0 ? "ahead of" : "behind"} this browser`
      : "";
  if (machine.is_simulated) return { name: "Clock", text: "Simulated" };
  if (synchronized) return { name: "Clock", text: `Synchronized${off}` };
  const text = synchronized === false ? `Not synchronized${off}` : `Not known to be synchronized${off}`;
  if (machine.is_leader && off === "") return { name: "Clock", text };
  return { name: "Clock", text, warning: "Its records may get wrong times." };
}

/** When the first of its certificates expires; none where it serves no HTTPS. */
export function certificateFacts({ certificates }: Pick<Machine, "certificates">, nowS: number): Fact[] {
  const expiries = certificates.map((one) => secondsOf(one.expires_at));
  if (expiries.length === 0) return [];
  const first = Math.min(...expiries);
  const fact = { name: "Certificate", text: `until ${new Date(first * 1000).toISOString().slice(0, 10)}` };
  return [first - nowS < EXPIRY_WARNING_S ? { ...fact, warning: "Renew it: the actions of this machine." } : fact];
}

export function factsOf(machine: Machine, nowS: number): Fact[] {
  const { disk, memory, cpu_celsius, uptime_s } = machine;
  const hot = cpu_celsius != null && cpu_celsius > HOT_CELSIUS;
  return [
    { name: "Software", text: machine.version },
    ...(machine.machine ? [{ name: "Machine", text: machine.machine }] : []),
    { name: "Address", text: machine.ipv4 },
    spaceFact("Disk", disk.free, disk.total, "Export and delete old experiments."),
    spaceFact("Memory", memory.available, memory.total, "Little memory is left."),
    ...(cpu_celsius == null
      ? []
      : [
          {
            name: "Processor",
            text: `${Math.round(cpu_celsius)} °C`,
            ...(hot ? { warning: "Improve its ventilation." } : {}),
          },
        ]),
    clockFact(machine, nowS),
    ...certificateFacts(machine, nowS),
    ...(uptime_s == null ? [] : [{ name: "Running for", text: duration(uptime_s) }]),
    {
      name: "Services",
      text: machine.services.map((one) => `${one.name} ${one.is_running ? "on" : "off"}`).join(", "),
      ...(machine.services.every((one) => one.is_running) ? {} : { warning: "Restart the machine, or see its log." }),
    },
    { name: "Activities", text: machine.activities.length > 0 ? machine.activities.join(", ") : "none" },
  ];
}

/** Where a file is put, relative to the data of the machine. */
export const placeOf = (folder: string, file: Pick<File, "name"> | null): string =>
  [...folder.split("/"), file?.name ?? ""]
    .map((part) => part.trim())
    .filter(Boolean)
    .join("/");

/** Send a file to a unit or all; throw if one did not take it. */
export async function sendFile(unit: string, where: string, file: File | null): Promise<void> {
  const target = path("api", "units", unit, "system", "sent_files", ...where.split("/"));
  const said = refusals(await request("PUT", target, file));
  if (said.length > 0)
    throw new Refused(
      said.map((one) => `${one.unit}: ${one.error?.message ?? "no reason given"}`).join("; "),
      200,
      said[0]?.error?.remediation,
    );
}
