import { expect, it } from "vitest";
import { sectionsOf } from "./AdvancedStart";

it("offers the sections of the job that is started, and no others", () => {
  const configs = {
    r1: {
      "stirring.config": { initial_duty_cycle: 30 },
      "stirring.pid": { kp: 0.005 },
      stirring_calibration: { a: 1 },
      mqtt: { password: "secret" },
    },
  };
  expect(sectionsOf("stirring", configs)).toEqual({
    "stirring.config": { initial_duty_cycle: "30" },
    "stirring.pid": { kp: "0.005" },
  });
  expect(sectionsOf("stirring", {})).toEqual({});
});
