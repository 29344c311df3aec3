import { expect, it } from "vitest";
import { driveText } from "@/parts/UsbDrives";
import { stateText } from "./UsbSign";

it("names the drive and its state", () => {
  expect(stateText({ status: "unsupported", drives: [] })).toBe("its file system cannot be used");
  const drive = {
    device: "/dev/sda1",
    label: "LAB",
    filesystem: "vfat",
    size_bytes: 16e9,
    path: null,
    is_readonly: false,
  };
  expect(stateText({ status: "present_unmounted", drives: [drive] })).toBe("LAB, not mounted");
  expect(driveText(drive)).toBe("LAB, vfat, 16.0 GB, not mounted");
  const mounted = { ...drive, label: "", path: "/media/a", free_bytes: 9.2e9, is_readonly: true };
  expect(driveText(mounted)).toBe("/dev/sda1, vfat, 9.2 GB of 16.0 GB free, mounted, read only");
});
