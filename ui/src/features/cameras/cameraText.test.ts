import { expect, it } from "vitest";
import type { CameraStatus } from "@/api/types";
import { cameraText, extentOf } from "./cameraText";

const status = (changes: Partial<CameraStatus>): CameraStatus => ({
  unit: "worker1",
  enabled: true,
  detection_status: "detected",
  runtime_available: true,
  capture_command: "rpicam-still",
  mock: false,
  latest_still: null,
  auto_capture_enabled: true,
  snapshot_interval_minutes: 1,
  lens: null,
  lens_position: null,
  ...changes,
});
const of = (changes: Partial<CameraStatus>): string =>
  cameraText({ unit: "worker1", status: status(changes), problem: undefined });

it("says what to do about a camera without stills", () => {
  expect(of({ enabled: false })).toMatch(/enabled=1/);
  expect(of({ runtime_available: false })).toMatch(/sudo apt install/);
  expect(of({ detection_status: "configured_camera_not_detected" })).toMatch(/cable/);
  expect(of({})).toBe("No stills yet.");
  expect(cameraText({ unit: "worker1", status: undefined, problem: "no response" })).toBe("no response");
});

it("covers all stretches", () => {
  expect(extentOf([])).toBeUndefined();
  expect(extentOf([[3, 3]])).toBeUndefined();
  expect(
    extentOf([
      [3, 9],
      [1, 5],
    ]),
  ).toEqual([1, 9]);
});
