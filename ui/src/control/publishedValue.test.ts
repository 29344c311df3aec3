import { describe, expect, it } from "vitest";
import type { AutomationDescriptor, JobDescriptor, PublishedSetting } from "@/api/types";
import { loadRecording } from "@/demo/recording";
import { parse } from "@/live/topics";
import { inForce, keyInWords, publishedValue } from "./publishedValue";

const AT = "2026-11-28T23:35:22.375Z";
const AT_S = Date.parse(AT) / 1000;

describe("a published value", () => {
  it.each([
    ["temperature", "json", `{"temperature":36.61,"timestamp":"${AT}"}`, "36.6", AT_S],
    ["dilution", "numeric", `{"value":0.25,"timestamp":"${AT}"}`, "0.250", AT_S],
    ["voltage_on_rail", "json", `{"voltage":11.76,"timestamp":"${AT}"}`, "11.8", AT_S],
    ["target_rpm", "numeric", "500.0", "500", undefined],
    ["enabled", "boolean", "True", "on", undefined],
    ["biomass_signal", "string", "normalized_od", "normalized_od", undefined],
    ["batch", "string", "007", "007", undefined],
    ["intensity", "json", '{"A":0.0,"B":50.0}', "A 0, B 50.0", undefined],
    ["steps", "json", '[1, "rest", {"ml": 2}]', "1.00, rest, ml 2.00", undefined],
    ["broken", "json", '{"a":', '{"a":', undefined],
  ])("%s is read from its payload", (key, type, payload, text, atS) => {
    expect(publishedValue({ key, type: type as PublishedSetting["type"] }, payload)).toMatchObject({ text, atS });
  });

  it("is nothing while nothing is published", () => {
    expect(publishedValue({ key: "a", type: "json" }, undefined)).toBeUndefined();
    expect(publishedValue({ key: "a", type: "json" }, "")).toBeUndefined();
  });

  it("is never JSON, for anything that a cluster publishes and the dialogs show", () => {
    const { answers, retained } = loadRecording(3);
    const jobs = answers.get("/api/jobs/descriptors")?.body as JobDescriptor[];
    const automations = ["dosing", "led", "temperature"].flatMap(
      (kind) => answers.get(`/api/automations/descriptors/${kind}`)?.body as AutomationDescriptor[],
    );
    const declared = new Map(
      [...jobs, ...automations].flatMap((one) => (one.published_settings ?? []).map((each) => [each.key, each])),
    );
    const shown = [...retained].flatMap(([topic, payload]) => {
      const setting = declared.get(parse(topic)?.rest[1] ?? "");
      return setting ? [publishedValue(setting, payload)?.text ?? ""] : [];
    });
    expect(shown.length).toBeGreaterThan(40);
    expect(shown.filter((text) => /[{}[\]"]|timestamp/.test(text))).toEqual([]);
  });
});

describe("the value in force on several units", () => {
  const target = { key: "target_temperature", type: "numeric", unit: "℃" } as const;
  it.each([
    [["37.0", "37.0"], "37.0", "37 ℃"],
    [["37.0", undefined], "37.0", "37 ℃"],
    [["37.0", "30.0", "35.5"], undefined, "30 to 37 ℃"],
    [[undefined, undefined], undefined, undefined],
  ])("of %j is %s (%s)", (payloads, common, words) => expect(inForce(target, payloads)).toEqual({ common, words }));

  it("names the words that differ", () =>
    expect(inForce({ key: "signal", type: "string" }, ["od", "auto", "od"]).words).toBe("od, auto"));
});

it("writes a key in words", () => expect(keyInWords("resume_offset_s")).toBe("Resume offset s"));
