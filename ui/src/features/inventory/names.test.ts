import { expect, it } from "vitest";
import { softwareText, versionsOf } from "./InventoryCard";
import { wrongCode, wrongUnitName } from "./names";

it.each([
  ["reactor-07", undefined],
  ["192.168.1.4", "A host name, not an address"],
  ["a b", "Only letters, digits, - and _"],
  ["localhost", "Every machine is called localhost; give its own name"],
  ["known", "This unit is in the cluster already"],
])("judges %j", (name, verdict) => expect(wrongUnitName(name, ["known"])).toBe(verdict));

it.each([
  ["K7QM-2XFD", true],
  ["k7qm 2xfd", true],
  ["OIL0-1111", true],
  ["K7QM-2XF", false],
  ["K7QM-2XFU", false],
])("reads the code %j", (code, isRight) => expect(wrongCode(code) === undefined).toBe(isRight));

it("survives versions it cannot read", () => {
  expect(versionsOf("not json").app).toBeUndefined();
  expect(versionsOf('{"app":"1.2.3"}').app).toBe("1.2.3");
});

it("names the version of the leader where a unit has another", () => {
  expect(softwareText(undefined, "1.2.3")).toBe("not reported yet");
  expect(softwareText("1.2.3", "1.2.3")).toBe("1.2.3");
  expect(softwareText("1.2.3", undefined)).toBe("1.2.3");
  expect(softwareText("1.2.2", "1.2.3")).toBe("1.2.2, the leader has 1.2.3");
});
