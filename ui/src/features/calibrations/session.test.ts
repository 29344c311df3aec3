import { describe, expect, it } from "vitest";
import { check, driverName, type Field, initial, stagesOf, unfinished } from "./session";

const volume: Field = { name: "volume_ml", label: "Volume (mL)", field_type: "float", minimum: 0.0001, maximum: 100 };

describe("what a person typed", () => {
  it.each([
    ["1.5", { ok: true, value: 1.5 }],
    ["1,5", { ok: true, value: 1.5 }],
    ["0", { ok: false, reason: "At least 0.0001" }],
    ["101", { ok: false, reason: "At most 100" }],
    ["much", { ok: false, reason: "Not a number" }],
    ["", { ok: false, reason: "Needs a value" }],
  ])("a volume of %j", (text, answer) => expect(check(volume, text)).toEqual(answer));

  it("holds each number of a list to the bounds, and lists are parted by commas", () => {
    const field: Field = { ...volume, field_type: "float_list" };
    expect(check(field, "0.5, 1 2")).toEqual({ ok: true, value: [0.5, 1, 2] });
    expect(check(field, "0.5, 0").ok).toBe(false);
  });

  it("says the protocol's own words about a bound, and leaves an empty field its default", () => {
    expect(check({ ...volume, max_error_msg: "The vial overflows" }, "200")).toEqual({
      ok: false,
      reason: "The vial overflows",
    });
    expect(check({ ...volume, default: 1 }, "").ok).toBe(true);
    expect(check({ ...volume, required: false }, "").ok).toBe(true);
  });

  it("takes whole numbers only where they are asked for", () => {
    expect(check({ ...volume, field_type: "int" }, "1.5")).toEqual({ ok: false, reason: "Not a whole number" });
  });

  it("begins with the default", () => {
    expect(initial({ ...volume, field_type: "float_list", default: [1, 2.5] })).toBe("1, 2.5");
    expect(initial({ ...volume, default: 0 })).toBe("0");
    expect(initial({ ...volume, field_type: "bool", default: null })).toBe(false);
  });
});

it("knows where a step stands, and says nothing about steps of a plugin", () => {
  expect(stagesOf("duration_based", "test_volume")).toMatchObject({ at: 4 });
  expect(stagesOf("dc_based", "complete")).toEqual({ names: ["Range", "Measure", "Done"], at: 2 });
  expect(stagesOf("duration_based", "dance")).toBeUndefined();
  expect(stagesOf("of_a_plugin", "intro")).toBeUndefined();
});

it("keeps one name for a browser, and the sessions it began", () => {
  expect(driverName("ana")).toMatch(/^ana, browser [0-9a-f]{4}$/);
  expect(driverName("ana")).toBe(driverName("ana"));
});

it("unfinished sessions are found on every worker that answers", () => {
  const session = (session_id: string, status: string, updated_at: string): object => ({
    session_id,
    status,
    updated_at,
  });
  const found = unfinished({
    worker1: {
      ok: true,
      value: [
        session("a", "in_progress", "2030-01-01T10:00:00.000Z"),
        session("b", "complete", "2030-01-01T12:00:00.000Z"),
      ],
    },
    worker2: { ok: false },
    worker3: { ok: true, value: [session("c", "in_progress", "2030-01-01T11:00:00.000Z")] },
  });
  expect(found.map((one) => [one.unit, one.session.session_id])).toEqual([
    ["worker3", "c"],
    ["worker1", "a"],
  ]);
  expect(unfinished(undefined)).toEqual([]);
});
