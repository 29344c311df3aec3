import { afterEach, expect, it } from "vitest";
import { answerWith } from "@/api/client";
import type { ReactorModel } from "@/api/types";
import { type Amount, type Dose, dose, largestDose } from "./manualActions";

const sent: { path: string; options: unknown }[] = [];
afterEach(() => void sent.splice(0));

async function given(act: Dose, amount: Amount): Promise<string[]> {
  answerWith(async (_, path, body) => {
    sent.push({ path, options: (body as { options: unknown }).options });
    return { status: 200, body: {} };
  });
  const command = dose("r1", "exp", act, amount);
  await command.issue();
  return [...command.answers];
}

it("doses by volume, and is confirmed by the event", async () => {
  expect(await given("add_media", { ml: 1.5 })).toEqual(["pioreactor/r1/exp/dosing_events"]);
  expect(sent[0]?.options).toEqual({ ml: 1.5, source_of_event: "UI" });
});

it("pumps until it is stopped, and is confirmed by that it runs", async () => {
  expect(await given("remove_waste", { continuously: null })).toEqual(["pioreactor/r1/exp/remove_waste/$state"]);
  expect(sent[0]?.options).toEqual({ continuously: null, source_of_event: "UI" });
});

it("circulates for a time", async () => {
  expect(await given("circulate_media", { duration: 30 })).toEqual(["pioreactor/r1/exp/circulate_media/$state"]);
  expect(sent[0]?.path).toContain("/job_name/circulate_media/");
});

it("offers at most what the reactor of the unit can hold", () => {
  const model = (fill: number, capacity: number): ReactorModel =>
    ({ reactor_max_fill_volume_ml: fill, reactor_capacity_ml: capacity }) as ReactorModel;
  expect(largestDose("add_media", model(18, 20))).toBe(18);
  expect(largestDose("add_alt_media", model(33, 40))).toBe(33);
  expect(largestDose("remove_waste", model(33, 40))).toBe(40);
});
