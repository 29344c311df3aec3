import { expect, it } from "vitest";
import { matches, parse } from "./topics";

it.each([
  ["pioreactor/+/e/#", "pioreactor/u/e/stirring/$state", true],
  ["pioreactor/+/e/#", "pioreactor/u/f/stirring/$state", false],
  ["pioreactor/+/e/od_reading/od1", "pioreactor/u/e/od_reading/od1/set", false],
  ["pioreactor/+/e/logs/+/error", "pioreactor/u/e/logs/app/error", true],
  ["pioreactor/+/e/logs/+/error", "pioreactor/u/e/logs/app", false],
])("%s against %s is %s", (filter, topic, answer) => {
  expect(matches(filter, topic)).toBe(answer);
});

it("takes a topic apart, and refuses others", () => {
  expect(parse("pioreactor/u/my run/logs/app/info")).toEqual({
    unit: "u",
    experiment: "my run",
    rest: ["logs", "app", "info"],
  });
  expect(parse("homeassistant/u/e/x")).toBeUndefined();
  expect(parse("pioreactor/u")).toBeUndefined();
});
