import { expect, it } from "vitest";
import { stroke, strokeOfChannel } from "./palette";

it("tells the photodiodes of one unit apart, in the unit's color", () => {
  const unit = stroke(0, false);
  const channels = [0, 1, 2].map((nth) => strokeOfChannel(unit, nth));
  expect(new Set(channels.map(({ color }) => color))).toEqual(new Set([unit.color]));
  expect(new Set(channels.map(({ dash }) => dash.join(" "))).size).toBe(3);
  expect(channels[0]).toEqual(unit);
});
