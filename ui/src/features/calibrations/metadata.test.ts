import { expect, it } from "vitest";
import {
  actionsOf,
  benchOf,
  buttonOf,
  chartOf,
  imageOf,
  loadingImagesOf,
  resultOf,
  savedBy,
  tableOf,
} from "./metadata";
import type { Step } from "./session";

const step = (metadata: Record<string, unknown>): Step => ({
  step_type: "info",
  title: "",
  body: "",
  step_id: "s",
  fields: [],
  metadata,
});

it("shows nothing for a step without more, nor for one that is written wrongly", () => {
  for (const one of [
    step({}),
    step({ image: "x", chart: [], table: "x", actions: {}, loading_images: null, result: "done" }),
    step({ chart: { title: "t" }, actions: [{ label: "Redo" }] }),
  ]) {
    expect([imageOf(one), chartOf(one), tableOf(one), actionsOf(one), loadingImagesOf(one), resultOf(one)]).toEqual([
      undefined,
      undefined,
      undefined,
      [],
      [],
      [],
    ]);
  }
});

it("writes what came out, without what is drawn or said elsewhere", () => {
  const result = {
    calibration_name: "media-1",
    message: "m",
    slope_ml_per_s: 0.0712345,
    correlation: null,
    saved: [{ kind: "calibration", device: "media_pump", name: "media-1", active: true }],
    recommended_range_ml: [0.5, 2],
    chart: {},
  };
  expect(resultOf(step({ result }))).toEqual([
    ["slope ml per s", "0.07123"],
    ["recommended range ml", "0.5 – 2"],
  ]);
  expect(savedBy(step({ result }))).toMatchObject([{ name: "media-1", active: true }]);
  expect(savedBy(step({ result: { saved: [null, "x"] } }))).toEqual([]);
});

it("reads what the bench of a simulated reactor is good for", () => {
  expect(benchOf(step({ bench: { vial: { od: 0.5, field: "od600" } } }))).toEqual({
    vial: { od: 0.5, field: "od600" },
  });
  expect(benchOf(step({ bench: { vial: { od: 0, field: null } } }))).toEqual({ vial: { od: 0 } });
  expect(benchOf(step({ bench: { cup: { field: "volume_ml" } } }))).toEqual({ cup: { field: "volume_ml" } });
  for (const bench of [undefined, null, "x", [], { vial: "x" }, { vial: { od: "1" } }, { cup: 3 }])
    expect(benchOf(step({ bench }))).toEqual({});
});

it("names the button of a step as its protocol does", () => {
  expect(buttonOf(step({ primary_action_label: "Prime pump" }))).toBe("Prime pump");
  for (const metadata of [{}, { primary_action_label: " " }, { primary_action_label: 3 }])
    expect(buttonOf(step(metadata))).toBeUndefined();
});
