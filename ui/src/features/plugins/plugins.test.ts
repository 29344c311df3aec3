import { expect, it } from "vitest";
import type { ListedPlugin } from "@/api/types";
import {
  bodyOf,
  byPlugin,
  filesOn,
  linesOf,
  NOTHING,
  routeOf,
  silent,
  stateText,
  updatable,
  updateText,
} from "./plugins";

const plugin = (name: string, more: Partial<ListedPlugin> = {}): ListedPlugin => ({
  name,
  version: "1.0",
  source: "entry_points",
  author: "Ada",
  description: "About.",
  homepage: "",
  key: name,
  state: "enabled",
  note: "",
  origin: "",
  installed_at: "",
  ...more,
});

it("groups what units have by plugin, and names the units that do not answer", () => {
  const answers = {
    b: { ok: true, unit: "b", value: [plugin("valve"), plugin("pump", { state: "failed" })] },
    a: { ok: true, unit: "a", value: [plugin("valve", { version: "1.1" })] },
    c: { ok: false, unit: "c" },
  };
  const found = byPlugin(answers);
  expect(found.map((one) => one.name)).toEqual(["pump", "valve"]);
  expect(found[1]?.units.map((one) => [one.unit, one.version])).toEqual([
    ["a", "1.1"],
    ["b", "1.0"],
  ]);
  expect(silent(answers)).toEqual(["c"]);
});

it("has a text for each state", () => {
  expect(stateText(plugin("a"))).toBe("in use");
  expect(stateText(plugin("a", { state: "restart" }))).toBe("restart needed");
});

it("asks for a package by name, or names the file that was sent", () => {
  expect(bodyOf({ ...NOTHING, name: " valve " })).toEqual({ args: ["valve"], options: {} });
  expect(bodyOf({ ...NOTHING, name: "valve", version: "1.2" })).toEqual({
    args: ["valve"],
    options: { version: "1.2" },
  });
  const file = new File(["x"], "valve.py");
  expect(bodyOf({ ...NOTHING, file })).toEqual({ args: [], options: { source: "valve.py" } });
});

it("shows what a plugin brings, and nothing that it does not", () => {
  expect(linesOf({ jobs: ["valve"], tables: [] })).toEqual([["Jobs", ["valve"]]]);
});

it("finds plugins on the mounted drives, and asks for one by its place", () => {
  const drive = { label: "", filesystem: "vfat", size_bytes: 1, is_readonly: false };
  const drives = [
    { ...drive, device: "/dev/sda1", path: "/media/a" },
    { ...drive, device: "/dev/sdb1", path: null },
  ];
  const artifact = (filepath: string, device: string, kind: "plugin" | "release" = "plugin") => ({
    filepath,
    device,
    kind,
    size_bytes: 1,
  });
  const found = filesOn({ status: "multiple_present", drives, message: "" }, [
    artifact("valve.py", "/dev/sda1"),
    artifact("release_27.zip", "/dev/sda1", "release"),
    artifact("other.py", "/dev/sdb1"),
  ]);
  expect(found).toEqual([["/media/a/valve.py", "valve.py"]]);
  const wanted = { ...NOTHING, name: "left over", onUsb: "/media/a/valve.py" };
  expect(bodyOf(wanted)).toEqual({ filepath: "/media/a/valve.py" });
  expect(routeOf("$broadcast", "check", wanted)).toContain("plugins/check-from-leader-usb");
  expect(routeOf("b", "install", { ...wanted, isOnUnit: true })).toContain("units/b/plugins/install-from-usb");
});

it("updates what came from the package index, and says what was done", () => {
  const units = [
    { ...plugin("valve", { origin: "package index" }), unit: "a" },
    { ...plugin("valve", { origin: "valve.whl" }), unit: "b" },
  ];
  expect(updatable({ name: "valve", description: "", author: "", units }).map((one) => one.unit)).toEqual(["a"]);
  const value = { before: {}, after: {}, messages: ["valve 1.0 is the newest version."], failed: [] };
  expect(updateText({ ok: true, unit: "a", value })).toBe("valve 1.0 is the newest version.");
});
