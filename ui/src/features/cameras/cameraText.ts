/** What is said of a camera that has no still to show. */

import type { CameraOf } from "@/stills/stills";

export function cameraText({ status, problem }: CameraOf): string {
  if (!status) return problem ?? "The unit does not answer.";
  if (!status.enabled) return "No camera. Set enabled=1 in [camera] of a unit that has one.";
  if (!status.runtime_available) return "No program for the camera is installed: sudo apt install rpicam-apps";
  if (status.detection_status === "configured_camera_not_detected")
    return "The camera does not answer. Check its cable.";
  return "No stills yet.";
}

/** The first and the last moment of several stretches; undefined for none. */
export function extentOf(stretches: readonly (readonly [number, number])[]): [number, number] | undefined {
  if (stretches.length === 0) return undefined;
  const [from, to] = [Math.min(...stretches.map(([a]) => a)), Math.max(...stretches.map(([, b]) => b))];
  return to > from ? [from, to] : undefined;
}
