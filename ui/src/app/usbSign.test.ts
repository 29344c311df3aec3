import { expect, it } from "vitest";
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
});
