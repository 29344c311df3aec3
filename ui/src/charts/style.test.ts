import { expect, it } from "vitest";
import { styleOf } from "./Charts";

it("takes the time axis of the configuration until a browser chooses another", () => {
  const config = { "ui.overview.settings": { time_display_mode: "clock_time" } };
  expect(styleOf(undefined, config)).toBe("clock");
  expect(styleOf("elapsed", config)).toBe("elapsed");
  expect(styleOf(undefined, undefined)).toBe("elapsed");
  expect(styleOf(undefined, { "ui.overview.settings": { time_display_mode: "hours" } })).toBe("elapsed");
});
