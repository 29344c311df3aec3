import { expect, it } from "vitest";
import { blankIn, resultsIn } from "./results";

const at = (name: string): string => `pioreactor/u/$experiment/self_test/${name}`;

it("lists what a self-test found, failures first and with their reasons", () => {
  const found = resultsIn({
    [at("$state")]: "disconnected",
    [at("all_tests_passed")]: "0",
    [at("test_detect_heating_pcb")]: "1",
    [at("test_REF_is_lower_than_0_dot_256_volts")]: "0",
    [at("failures")]: JSON.stringify({
      REF_is_lower_than_0_dot_256_volts: { message: "0.3 V", remedy: "Dim the LED." },
    }),
  });
  expect(found).toEqual([
    {
      name: "REF_is_lower_than_0_dot_256_volts",
      words: "REF is lower than 0.256 volts",
      passed: false,
      message: "0.3 V",
      remedy: "Dim the LED.",
    },
    { name: "detect_heating_pcb", words: "Detect heating pcb", passed: true, message: undefined, remedy: undefined },
  ]);
});

it("finds nothing where nothing was tested, nor in what is written wrongly", () => {
  expect(resultsIn({})).toEqual([]);
  expect(resultsIn({ [at("test_x")]: "", [at("failures")]: "{" })).toEqual([]);
  expect(blankIn(undefined)).toEqual([]);
  expect(blankIn('{"2": 0.0005, "3": null}')).toEqual([["2", 0.0005]]);
});
