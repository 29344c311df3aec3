// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import type { LogRow } from "@/api/types";
import { recall, remember } from "@/parts/remembered";
import { renderStory } from "@/stories/render";
import { unacknowledged } from "./warnings";

const row = (second: number, message: string, unit = "a"): LogRow => ({
  timestamp: new Date(second * 1000).toISOString(),
  level: "ERROR",
  pioreactor_unit: unit,
  message,
  task: "od_reading",
  experiment: "e",
});

it("keeps what is newer than the last acknowledgment, each message of a unit once", () => {
  const rows = [row(9, "no signal"), row(8, "no signal"), row(7, "no signal", "b"), row(3, "old")];
  expect(unacknowledged(rows, 5).map(({ message, pioreactor_unit }) => [message, pioreactor_unit])).toEqual([
    ["no signal", "a"],
    ["no signal", "b"],
  ]);
  expect(unacknowledged(rows, 9)).toEqual([]);
});

it("survives a browser without site storage", () => {
  vi.stubGlobal("localStorage", undefined);
  expect(() => remember("k", "v")).not.toThrow();
  expect(recall("k")).toBe("v");
  vi.unstubAllGlobals();
});

describe("the alarms", () => {
  let close = (): void => undefined;
  afterEach(() => close());
  const button = (): HTMLElement | null => document.querySelector('[aria-label$="show"]');

  it("show what the leader recorded before the page was opened", async () => {
    ({ close } = await renderStory({ name: "alarms", path: "/overview", heading: /demo/ }));
    await vi.waitFor(() => expect(button()?.textContent).toMatch(/[1-9]\d* alarm/), 8000);
    button()?.click();
    await vi.waitFor(() => expect(document.body.textContent).toContain("Measured RPM"), 4000);
  }, 20_000);
});
