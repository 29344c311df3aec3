// @vitest-environment happy-dom
import { type QueryClient, QueryClientProvider } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { afterEach, expect, it, vi } from "vitest";
import type { Worker } from "@/api/types";
import { makeDemo } from "@/demo/demo";

let close: () => void = () => undefined;
afterEach(() => close());

/** Show a form in front of a cluster with a 20 mL reactor of the first version, and one of 40 mL. */
async function shown(form: ReactNode): Promise<HTMLElement> {
  const [{ createRoot }, { MantineProvider }, query, { answerWith }] = await Promise.all([
    import("react-dom/client"),
    import("@mantine/core"),
    import("@tanstack/react-query"),
    import("@/api/client"),
  ]);
  const { transport, cluster } = makeDemo({ units: 3, latencyMs: 0 });
  const models: [string, string][] = [
    ["pioreactor_20ml", "1.0"],
    ["pioreactor_40ml", "1.5"],
  ];
  const workers = cluster.recording.answers.get("/api/workers")?.body as Worker[];
  workers.forEach((worker, i) => {
    [worker.model_name, worker.model_version] = models[Math.min(i, 1)] as [string, string];
  });
  answerWith(transport);
  const place = document.body.appendChild(document.createElement("div"));
  const root = createRoot(place);
  close = () => root.unmount();
  const client: QueryClient = new query.QueryClient();
  root.render(
    <MantineProvider>
      <QueryClientProvider client={client}>{form}</QueryClientProvider>
    </MantineProvider>,
  );
  return place;
}

const [SMALL, LARGE] = ["reactor-01", "reactor-02"];

it.each([
  { units: [SMALL], range: "0 to 63 ℃" },
  { units: [LARGE], range: "0 to 78 ℃" },
  { units: [SMALL, LARGE], range: "0 to 63 ℃" },
])("the thermostat of $units offers $range", async ({ units, range }) => {
  const { StartAutomation } = await import("./StartAutomation");
  const place = await shown(
    <StartAutomation
      kind="temperature"
      where={{ unit: "x", units, experiment: "e", job: "temperature_automation" }}
      busy={false}
      effluxMl={undefined}
      onStart={() => undefined}
    />,
  );
  await vi.waitFor(() => expect(place.textContent).toContain(range));
});

it.each([
  { unit: SMALL, range: "0 to 20 mL" },
  { unit: LARGE, range: "0 to 40 mL" },
])("the vial of $unit holds $range", async ({ unit, range }) => {
  const { VialSettings } = await import("@/features/pioreactors/VialSettings");
  const place = await shown(<VialSettings unit={unit} experiment="demo" />);
  await vi.waitFor(() => expect(place.textContent?.split(range)).toHaveLength(3));
});
