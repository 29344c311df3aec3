import { expect, it } from "vitest";
import type { UpdateState } from "@/api/types";
import { RELEASES } from "@/demo/updates";
import { archivesOf, firmwareOf, firmwareText, isBusy, placeOf, rowsOf, unitsWithJobs } from "./updates";

const state = (unit: string, more: Partial<UpdateState> = {}) => ({
  ok: true,
  unit,
  value: {
    pioreactor_unit: unit,
    is_leader: unit === "leader",
    version: "27.0.0",
    is_versioned: true,
    installed: ["27.0.0"],
    activities: [],
    archives: [],
    ...more,
  } as UpdateState,
});

it("says for each unit what it does, and marks those that differ from the leader", () => {
  const answers = {
    leader: state("leader"),
    w1: state("w1", { version: "26.9.0" }),
    w2: state("w2", {
      in_progress: {
        step: "try",
        from_version: "27.0.0",
        to_version: "27.1.0",
        started_at: "",
        updated_at: "",
        has_new_schema: false,
      },
    }),
    w3: state("w3", {
      last: {
        from_version: "27.0.0",
        to_version: "27.1.0",
        started_at: "",
        ended_at: "",
        is_installed: false,
        message: "the disk is full",
        removed: [],
      },
    }),
    w4: { ok: false, unit: "w4" },
  };
  expect(rowsOf(answers).map((row) => [row.unit, row.tone, row.text])).toEqual([
    ["leader", "ok", "Ready to be updated"],
    ["w1", "warning", "Not the version of the leader, 27.0.0"],
    ["w2", "busy", "Trying it on a copy of the data (version 27.1.0)"],
    ["w3", "warning", "Version 27.1.0 failed: the disk is full"],
    ["w4", "warning", "No answer"],
  ]);
  expect(isBusy(answers)).toBe(true);
});

it("names the units whose jobs would run through an update", () => {
  const answers = { a: state("a", { activities: ["stirring"] }), b: state("b") };
  expect(unitsWithJobs(answers, "$broadcast")).toEqual(["a"]);
  expect(unitsWithJobs(answers, "b")).toEqual([]);
});

it("offers the archives of the leader, newest first", () => {
  const archive = (version: string) => ({
    version,
    name: "",
    path: version,
    channel: "stable",
    released_at: "",
    notes: "",
    size_bytes: 1,
    is_on_usb: false,
    has_firmware: false,
  });
  const answers = { leader: state("leader", { archives: [archive("27.1.0"), archive("27.2.0")] }) };
  expect(archivesOf(answers).map((one) => one.version)).toEqual(["27.2.0", "27.1.0"]);
});

it("says of a published release whether it is on the leader, and how much of it", () => {
  const [here, next] = RELEASES as [(typeof RELEASES)[0], (typeof RELEASES)[0]];
  expect(placeOf(here)).toBe("on the leader");
  expect(placeOf(next)).toBe("not fetched yet");
  expect(placeOf({ ...next, received_bytes: next.size_bytes / 4 })).toBe("25 % fetched");
  expect(placeOf({ ...here, is_here: false })).toBe("not newer than this version");
});

it("says which firmware a unit has, and what was written or refused", () => {
  expect(firmwareOf('{"app": "27.0.0", "firmware": "0.5"}')).toBe("0.5");
  expect(["", '{"firmware": null}', undefined].map(firmwareOf)).toEqual(["not known", "not known", "not known"]);
  expect(firmwareText({ ok: true, unit: "a", value: { version: "27.1.0", path: "" } })).toMatch(/firmware of 27.1.0/);
  const error = { kind: "conflict", message: "a is simulated", remediation: "Choose another." };
  expect(firmwareText({ ok: false, unit: "a", error })).toBe("a is simulated Choose another.");
});
