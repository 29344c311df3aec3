/** What is known of the software of each unit, and what an update of the cluster is asked for. */

import { ask, finished, get, path, Refused, request } from "@/api/client";
import type { OfferedRelease, ReleaseArchive, TaskAccepted, UnitAnswer, UpdateState } from "@/api/types";
import { EVERYONE } from "@/live/topics";

export type Answers = Record<string, UnitAnswer>;

/** Ask every unit; one that does not answer is in the result with its error. */
export async function fetchStates(signal?: AbortSignal): Promise<Answers> {
  return (await finished(
    await get<TaskAccepted>(path("api", "units", EVERYONE, "system", "update"), signal),
  )) as Answers;
}

/** A unit as a row of the page. */
export interface UnitRow {
  unit: string;
  version: string;
  text: string;
  tone: "ok" | "busy" | "warning";
}

const STEPS: Record<string, string> = {
  unpack: "Checking the archive",
  build: "Installing beside the present version",
  try: "Trying it on a copy of the data",
  stop: "Stopping the services",
  switch: "Switching",
  start: "Starting and checking the services",
};

const leaderOf = (answers: Answers): UpdateState | undefined => statesOf(answers).find((one) => one.is_leader);

/** The rows of all units; those whose version is not the leader's are marked. */
export function rowsOf(answers: Answers): UnitRow[] {
  const reference = leaderOf(answers)?.version ?? "";
  return Object.entries(answers)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([unit, answer]) => {
      if (!answer.ok) return { unit, version: "–", text: "No answer", tone: "warning" };
      return rowOf(answer.value as UpdateState, reference);
    });
}

function rowOf(state: UpdateState, reference: string): UnitRow {
  const row = { unit: state.pioreactor_unit, version: state.version };
  const { in_progress: progress, last } = state;
  if (progress) {
    const step = STEPS[progress.step] ?? progress.step;
    return { ...row, text: `${step} (version ${progress.to_version})`, tone: "busy" };
  }
  if (last && !last.is_installed)
    return { ...row, text: `Version ${last.to_version} failed: ${last.message}`, tone: "warning" };
  if (reference !== "" && state.version !== reference)
    return { ...row, text: `Not the version of the leader, ${reference}`, tone: "warning" };
  if (!state.is_versioned) return { ...row, text: "Updated by hand: it was not installed in versions", tone: "ok" };
  if (state.activities.length > 0) return { ...row, text: `Runs ${state.activities.join(", ")}`, tone: "ok" };
  return { ...row, text: "Ready to be updated", tone: "ok" };
}

export const statesOf = (answers: Answers): UpdateState[] =>
  Object.values(answers).flatMap((answer) => (answer.ok ? [answer.value as UpdateState] : []));

export const isBusy = (answers: Answers): boolean => statesOf(answers).some((one) => one.in_progress != null);

/** The archives on the leader, newest first. */
export const archivesOf = (answers: Answers): ReleaseArchive[] => [...(leaderOf(answers)?.archives ?? [])].reverse();

/** The units whose jobs would run through an update. */
export const unitsWithJobs = (answers: Answers, units: string): string[] =>
  statesOf(answers)
    .filter((one) => (units === EVERYONE || units === one.pioreactor_unit) && one.activities.length > 0)
    .map((one) => one.pioreactor_unit);

export const upload = (file: File): Promise<unknown> => request("POST", "/api/system/upload", file);

export const install = (archive: ReleaseArchive, units: string, even_with_jobs: boolean): Promise<unknown> =>
  ask("POST", "/api/system/update_from_archive", { release_archive_location: archive.path, units, even_with_jobs });

/** The published releases, newest first; null where no address of releases is set. */
export async function fetchReleases(signal?: AbortSignal): Promise<OfferedRelease[] | null> {
  try {
    return [...(await get<OfferedRelease[]>("/api/system/releases", signal))].reverse();
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}

/** An archive of some hundred megabytes takes minutes on a slow connection. */
const DOWNLOAD = { everyMs: 1000, attempts: 3600 };

export const download = (version: string): Promise<unknown> =>
  ask("POST", path("api", "system", "releases", version, "download"), undefined, DOWNLOAD);

/** What is said of a release that is or is not on the leader. */
export function placeOf(release: OfferedRelease): string {
  if (release.is_here) return "on the leader";
  if (release.received_bytes == null) return release.is_newer ? "not fetched yet" : "not newer than this version";
  return `${Math.round((100 * release.received_bytes) / release.size_bytes)} % fetched`;
}

/** An archive is sent to each unit before its chip is written. */
const WRITING = { everyMs: 1000, attempts: 1800 };

/** Write the firmware of an archive to the boards of units; return what each answered. */
export async function writeFirmware(archive: ReleaseArchive, units: string): Promise<Answers> {
  const body = { units, release_archive_location: archive.path };
  const accepted = await request<TaskAccepted>("POST", "/api/system/update_firmware", body);
  return (await finished(accepted, WRITING)) as Answers;
}

/** What was written on a unit, or why nothing was. */
export function firmwareText(answer: UnitAnswer): string {
  if (answer.ok) return `The board has the firmware of ${(answer.value as { version: string }).version}.`;
  return [answer.error?.message ?? "No answer.", answer.error?.remediation].filter(Boolean).join(" ");
}

/** The version of the firmware that a unit runs with, out of what its monitor published. */
export function firmwareOf(payload: string | undefined): string {
  try {
    return (JSON.parse(payload ?? "{}") as { firmware?: string | null }).firmware ?? "not known";
  } catch {
    return "not known";
  }
}
