import { expect, it } from "vitest";
import { resumedIn } from "./HeldValue";

it("finds what came back after a power cut, and trusts no answer that is a refusal", () => {
  const value = [
    { job_name: "dosing_automation", job_source: "resume" },
    { job_name: "stirring", job_source: "user" },
  ];
  expect(resumedIn({ u: { ok: true, unit: "u", value } })).toEqual(["dosing_automation"]);
  expect(resumedIn({ u: { ok: false, unit: "u", error: { kind: "x", message: "y" } } })).toEqual([]);
  expect(resumedIn(undefined)).toEqual([]);
});
