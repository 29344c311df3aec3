/** The software of units, as they describe it. */

import type { OfferedRelease, ReleaseArchive, UpdateState } from "@/api/types";

export const ARCHIVE: ReleaseArchive = {
  name: "release_27.1.0.zip",
  path: "/home/pioreactor/.pioreactor/storage/releases/release_27.1.0.zip",
  version: "27.1.0",
  channel: "stable",
  released_at: "2026-11-20T10:00:00Z",
  notes: "Charts of a whole year open at once.\nFaster start of all jobs.",
  size_bytes: 36_200_000,
  is_on_usb: false,
  has_firmware: true,
};

/** What the supplier publishes: the archive that is here, and one after it. */
export const RELEASES: OfferedRelease[] = ["27.1.0", "27.2.0"].map((version) => ({
  version,
  url: `https://supplier.example/release_${version}.zip`,
  sha256: "0".repeat(64),
  size_bytes: 36_200_000,
  machine: "",
  channel: "stable",
  released_at: "2026-11-20T10:00:00Z",
  notes: "",
  is_newer: version === "27.2.0",
  is_here: version === ARCHIVE.version,
  received_bytes: null,
}));

/** Nothing is being updated where the address of the page says so: `?idle`. */
const isIdle = (): boolean => typeof location !== "undefined" && new URLSearchParams(location.search).has("idle");

/** The state of a unit: the leader has the archive, the second is being updated, the third has kept its version. */
export function updateOf(unit: string, index: number): UpdateState {
  const state: UpdateState = {
    pioreactor_unit: unit,
    is_leader: index === 0,
    version: index === 0 ? "27.1.0" : "27.0.0",
    is_versioned: true,
    installed: ["27.0.0", "27.1.0"],
    activities: index > 2 ? ["od_reading", "stirring"] : [],
    archives: index === 0 ? [ARCHIVE] : [],
  };
  const update = { from_version: "27.0.0", to_version: "27.1.0", started_at: "2026-11-29T10:00:00Z" };
  if (index === 1 && !isIdle())
    state.in_progress = { ...update, step: "try", updated_at: "2026-11-29T10:01:00Z", has_new_schema: false };
  if (index === 2)
    state.last = {
      ...update,
      ended_at: "2026-11-28T10:02:00Z",
      is_installed: false,
      message: "a new version needs 419 MB, only 120 MB are free",
      removed: [],
    };
  return state;
}
