import { expect, it } from "vitest";
import { wrongFile } from "./api";

it.each([
  ["overnight run.yaml", undefined],
  ["", "Needs a name"],
  ["../x.yaml", "Letters, digits, spaces and . _ - only"],
  ["x.txt", "Must end with .yaml"],
  ["taken.yml", "A profile of this name exists"],
])("judges the file name %j", (name, verdict) => expect(wrongFile(name, ["taken.yml"])).toBe(verdict));
