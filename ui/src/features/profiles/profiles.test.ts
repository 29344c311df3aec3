import { describe, expect, it } from "vitest";
import type { Diagnostic } from "@/api/types";
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
