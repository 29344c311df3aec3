// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import type { AutomationDescriptor, JobDescriptor } from "@/api/types";
import { loadRecording } from "@/demo/recording";
import { undescribed, unitsByAutomation } from "./JobSettings";

it("tells which automation runs where", () =>
  expect([...unitsByAutomation(["a", "b", "c"], ["chemostat", undefined, "chemostat"])]).toEqual([
    ["chemostat", ["a", "c"]],
  ]));

it("finds what is published without a description, and nothing that describes the job itself", () => {
  const at = "pioreactor/u/e/dosing_automation/";
  const topics = ["$state", "automation_name", "latest_event", "ratio", "known", "x/set"].map((key) => at + key);
  expect(undescribed(topics, [{ key: "known", type: "numeric", display: false }]).map(({ key }) => key)).toEqual([
    "ratio",
  ]);
});

describe("the dialog of a running automation", () => {
  let close: () => void = () => undefined;
  afterEach(() => close());

  /** Every value that the recorded cluster publishes of an automation is shown, in its unit, and can be changed. */
  const CASES = ["dosing_automation", "temperature_automation", "led_automation"].map((job) => {
    const { answers } = loadRecording(3);
    const kind = job.replace("_automation", "");
    const automations = answers.get(`/api/automations/descriptors/${kind}`)?.body as AutomationDescriptor[];
    const jobs = answers.get("/api/jobs/descriptors")?.body as JobDescriptor[];
    return { job, automations, descriptor: jobs.find((one) => one.job_name === job) as JobDescriptor };
  });

  it.each(CASES)("$job shows each setting with unit, range and the value in force", async (one) => {
    vi.resetModules();
    const [{ createRoot }, { MantineProvider }, query, { Activity }, { bus }, { answerWith }, { makeDemo }] =
      await Promise.all([
        import("react-dom/client"),
        import("@mantine/core"),
        import("@tanstack/react-query"),
        import("./ActivityDialog"),
        import("@/live/bus"),
        import("@/api/client"),
        import("@/demo/demo"),
      ]);
    const { transport, openFeed, cluster } = makeDemo({ units: 3, latencyMs: 0 });
    answerWith(transport);
    bus.open(openFeed);
    bus.want("#");
    bus.store.apply();
    const unit = one.job === "led_automation" ? "reactor-03" : "reactor-01";
    const published = (key: string): string | undefined =>
      cluster.retained.get(`pioreactor/${unit}/${cluster.experiment}/${one.job}/${key}`);
    const automation = one.automations.find(({ automation_name }) => automation_name === published("automation_name"));
    const where = { unit, units: [unit], experiment: cluster.experiment, job: one.job };
    const place = document.body.appendChild(document.createElement("div"));
    const root = createRoot(place);
    close = () => root.unmount();
    root.render(
      <MantineProvider>
        <query.QueryClientProvider client={new query.QueryClient()}>
          <Activity job={one.descriptor} where={where} />
        </query.QueryClientProvider>
      </MantineProvider>,
    );
    const editable = (automation?.published_settings ?? []).filter(
      ({ display, editable }) => display && editable !== false,
    );
    expect(editable.length).toBeGreaterThan(0);
    await vi.waitFor(() => {
      const text = place.querySelector('section[aria-label="Settings"]')?.textContent ?? "";
      for (const setting of editable) {
        const field = place.querySelector<HTMLInputElement>(`[aria-label="${setting.label}"]`);
        expect(field, setting.key).not.toBeNull();
        const value = published(setting.key) ?? "";
        expect(field?.value).toBe(setting.type === "numeric" ? String(Number(value)) : value);
        if (setting.unit) expect(text).toContain(setting.unit);
        if (typeof setting.max === "number" && setting.max < 1e5) expect(text).toContain(`${setting.max}`);
      }
      expect(text).not.toMatch(/[{}]|timestamp/);
    });
  });
});
