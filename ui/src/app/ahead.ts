/** Fetches parts and answers of the first page while the leader is still asked who is signed in. */

import type { QueryClient } from "@tanstack/react-query";
import {
  assignedAsked,
  chartsAsked,
  configAsked,
  experimentsAsked,
  jobsAsked,
  labelsAsked,
  preferencesAsked,
  workersAsked,
} from "@/api/queries";
import type { ChartPreferences } from "@/api/types";
import { chosenCharts } from "@/charts/useChosenCharts";
import { firstExperiment } from "@/parts/experiment";
import { personAsked } from "./session";

interface First {
  path: RegExp;
  load: () => Promise<unknown>;
  charts: keyof ChartPreferences;
}

const PAGES: readonly First[] = [
  { path: /^\/(overview\/?)?$/, load: () => import("@/features/overview/Overview"), charts: "overview_chart_keys" },
  {
    path: /^\/pioreactors\/[^/]+$/,
    load: () => import("@/features/pioreactors/Pioreactors"),
    charts: "pioreactor_chart_keys",
  },
];

/** A promise whose failure is met again, and reported, by the page that asks for the same. */
function quiet<T>(asked: Promise<T>): Promise<T> {
  asked.catch(() => undefined);
  return asked;
}

/** Ask for what charts of a page need, each as soon as what it depends on is known. */
async function askAhead(client: QueryClient, search: string, page: keyof ChartPreferences): Promise<void> {
  const charts = quiet(client.fetchQuery(chartsAsked));
  const config = quiet(client.fetchQuery(configAsked));
  const drawing = quiet(import("@/charts/Charts"));
  void client.prefetchQuery(workersAsked);
  void client.prefetchQuery(jobsAsked);
  const experiment = firstExperiment(await client.fetchQuery(experimentsAsked), search)?.experiment;
  if (experiment === undefined) return;
  const preferences = quiet(client.fetchQuery(preferencesAsked(experiment)));
  void client.prefetchQuery(assignedAsked(experiment));
  void client.prefetchQuery(labelsAsked(experiment));
  const chosen = chosenCharts(await charts, await config, (await preferences)[page]);
  (await drawing).fetchCharts(chosen, experiment);
}

/** Begin to fetch the parts that the page at an address consists of, and what it shows. */
export function fetchAhead(client: QueryClient, { pathname, search }: { pathname: string; search: string }): void {
  void client.prefetchQuery(personAsked);
  const page = PAGES.find(({ path }) => path.test(pathname));
  if (!page) return;
  void quiet(page.load());
  void quiet(askAhead(client, search, page.charts));
}
