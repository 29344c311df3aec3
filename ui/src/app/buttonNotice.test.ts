import { expect, it } from "vitest";
import { pressedIn } from "./ButtonNotice";

it("names the units whose buttons are down", () => {
  const of = (unit: string): string => `pioreactor/${unit}/$experiment/monitor/button_down`;
  expect(pressedIn({ [of("a")]: "True", [of("b")]: "False", [of("c")]: "1", [of("d")]: "" })).toEqual(["a", "c"]);
});
