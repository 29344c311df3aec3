import { describe, expect, it } from "vitest";
import type { Diagnostic } from "@/api/types";
import { worstByLine } from "./MarkedText";
import { asFile, byWeight, since, when, wrongName } from "./profiles";

describe("names of files", () => {
  it("get their ending once", () => {
    expect([asFile("a b"), asFile("a.yml"), asFile(" x ")]).toEqual(["a b.yaml", "a.yml", "x.yaml"]);
  });
  it("are refused in words", () => {
    expect(wrongName(" ", [])).toMatch(/name/);
    expect(wrongName("../a", [])).toMatch(/letters/);
    expect(wrongName("a", ["a.yaml"])).toMatch(/There is/);
    expect(wrongName("a", ["b.yaml"])).toBeUndefined();
  });
});

describe("times", () => {
  it.each([
    [0, "0 s"],
    [0.5, "0.5 s"],
    [90, "90 s"],
    [120, "2 min"],
    [9000, "2 h 30 min"],
    [100_800, "1 d 4 h"],
  ])("%d s is %s", (seconds, words) => expect(since(seconds)).toBe(words));
  it("within a repeat count from its round", () => {
    expect(when({ at_s: 60, who: "unit1", job: "stirring", words: "stop stirring", depth: 1 })).toBe("+ 1 min");
  });
});

it("errors come before warnings", () => {
  const found = (severity: Diagnostic["severity"], code: string): Diagnostic => ({
    severity,
    code,
    message: "",
    path: "",
  });
  expect(byWeight([found("warning", "a"), found("error", "b"), found("warning", "c")]).map((one) => one.code)).toEqual([
    "b",
    "a",
    "c",
  ]);
});

describe("marks of lines", () => {
  it("show the worst finding of each line", () => {
    const finding = (severity: Diagnostic["severity"], line?: number): Diagnostic => ({
      severity,
      code: "",
      message: severity,
      path: "",
      ...(line !== undefined && { line }),
    });
    const marks = worstByLine([finding("warning", 2), finding("error", 2), finding("info", 5), finding("error")]);
    expect([...marks].map(([line, one]) => [line, one.severity])).toEqual([
      [2, "error"],
      [5, "info"],
    ]);
  });
});
