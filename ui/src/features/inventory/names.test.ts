import { expect, it } from "vitest";
import { versionsOf } from "./InventoryCard";
import { wrongUnitName } from "./names";

it.each([
  ["reactor-07", undefined],
  ["192.168.1.4", "A host name, not an address"],
  ["a b", "Only letters, digits, - and _"],
  ["localhost", "Every machine is called localhost; give its own name"],
  ["known", "This unit is in the cluster already"],
])("judges %j", (name, verdict) => expect(wrongUnitName(name, ["known"])).toBe(verdict));

it("survives versions it cannot read", () => {
  expect(versionsOf("not json").app).toBeUndefined();
  expect(versionsOf('{"app":"1.2.3"}').app).toBe("1.2.3");
});
