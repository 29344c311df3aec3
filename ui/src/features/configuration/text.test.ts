import { describe, expect, it } from "vitest";
import { parseIni } from "@/api/ini";
import { configPath } from "./Configuration";
import { differing, highlighted, placeAt, wrongLines } from "./text";

describe("wrongLines", () => {
  it("accepts what the parser accepts", () => {
    expect(wrongLines("# a note\n[a.b]\nkey=value\nother: 2\nlist=1,\n  2\n\n[c]\nkey=1\n")).toEqual([]);
  });

  it.each([
    ["key=1", 1, "stands before the first section"],
    ["[a]\nnonsense", 2, "neither a section, nor key=value, nor a comment"],
    ["[a]\nk=1\nK=2", 3, "k stands twice in its section"],
    ["[a]\n[a]", 2, "section [a] stands twice"],
    ["[a", 1, "a section needs a name in brackets"],
  ])("refuses %j", (text, line, reason) => expect(wrongLines(text)).toEqual([{ line, reason }]));
});

it("counts what differs", () => {
  expect(differing("a\nb", "a\nb")).toBe(0);
  expect(differing("a\nb", "a\nc")).toBe(1);
  expect(differing("a\nb", "a")).toBe(1);
  expect(differing("a\nb", "b\na")).toBe(1);
});

it("tells sections, comments and pairs apart", () => {
  expect(highlighted("[s]\n; c\nk=1\n").map((line) => line.kind)).toEqual(["section", "comment", "pair", "other"]);
});

it("reads values, whatever the case of the key", () => {
  expect(parseIni("[od_config.photodiode_channel]\n1=REF\n2: 90\n# 3=45\nX = y=z")).toEqual({
    "od_config.photodiode_channel": { "1": "REF", "2": "90", x: "y=z" },
  });
});

it("asks where the text is", () => {
  expect(configPath("")).toBe("/api/config/shared");
  expect(configPath("r-1")).toBe("/api/config/units/r-1/specific");
});

it("knows section and key of a place in the text", () => {
  const text = "[mqtt]\nusername=x\n\n[stirring.config]\n# speed\ninitial_target_rpm = 400\n";
  const at = (part: string) => placeAt(text, text.indexOf(part) + 1);
  expect(at("username")).toEqual({ section: "mqtt", key: "username" });
  expect(at("rpm = ")).toEqual({ section: "stirring.config", key: "initial_target_rpm" });
  expect(at("# speed")).toEqual({ section: "stirring.config", key: undefined });
  expect(at("[stirring")).toEqual({ section: "stirring.config", key: undefined });
  expect(placeAt("", 0)).toEqual({ section: undefined, key: undefined });
});
