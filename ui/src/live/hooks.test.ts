import { describe, expect, it } from "vitest";
import { readingOf, valueText } from "./hooks";

const VIAL = '{"timestamp":"2030-01-01T00:00:00.500000Z","value":14.5}';

describe("payloads of a number", () => {
  it("are read bare and as an object with its time", () => {
    expect(readingOf("14.5")).toEqual({ value: 14.5, at: undefined });
    expect(readingOf(VIAL)).toEqual({ value: 14.5, at: Date.UTC(2030, 0, 1) / 1000 + 0.5 });
    expect(readingOf(VIAL, "value")?.value).toBe(14.5);
    expect(readingOf("14.5", "value")?.value).toBe(14.5);
  });

  it("are not made up", () => {
    for (const payload of ["", "{}", '{"value":"a lot"}', "null", "{", "[1]"])
      expect(readingOf(payload)).toBeUndefined();
  });
});

describe("the value of a payload as text", () => {
  it("is that of an object with a time and a value only", () => {
    expect(valueText(VIAL)).toBe("14.5");
    for (const payload of ["14.5", "chemostat", "", "{", '{"value":1}', '{"timestamp":"t","value":1,"more":2}'])
      expect(valueText(payload)).toBe(payload);
  });
});
