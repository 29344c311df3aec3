/** Asks for what the first page shows while its code is still on its way. Imports nothing large. */

import { getAhead } from "@/api/client";
import { parseIni } from "@/api/ini";
import {
  assignedTo,
  CHARTS,
  chartPreferences,
  EXPERIMENTS,
  JOBS,
  labelsIn,
  ME,
  SHARED_CONFIG,
  WORKERS,
} from "@/api/routes";
import type { ChartDescriptor, ChartPreferences, Experiment } from "@/api/types";
import { chosenCharts } from "@/charts/chosenCharts";
import { firstWindow, historyPath, hoursOf, wantedBy } from "@/charts/wanted";
import { firstExperiment } from "@/parts/pickExperiment";

const PAGES: readonly { path: RegExp; charts: keyof ChartPreferences }[] = [
  { path: /^\/(overview\/?)?$/, charts: "overview_chart_keys" },
  { path: /^\/pioreactors\/[^/]+$/, charts: "pioreactor_chart_keys" },
];

/** Ask for a route; a failure is met again, and reported, by the page that asks for the same. */
function ask<T>(route: string): Promise<T> {
  const asked = getAhead<T>(route);
  asked.catch(() => undefined);
  return asked;
}

/** Ask for what charts of a page need, each as soon as what it depends on is known. */
async function askForCharts(search: string, page: keyof ChartPreferences): Promise<void> {
  const charts = ask<ChartDescriptor[]>(CHARTS);
  const config = ask<string>(SHARED_CONFIG);
  const experiments = ask<Experiment[]>(EXPERIMENTS);
  void ask(WORKERS);
  void ask(JOBS);
  const experiment = firstExperiment(await experiments, search)?.experiment;
  if (experiment === undefined) return;
  const preferences = ask<ChartPreferences>(chartPreferences(experiment));
  void ask(assignedTo(experiment));
  void ask(labelsIn(experiment));
  const chosen = chosenCharts(await charts, parseIni(await config), (await preferences)[page]);
  const hours = hoursOf(firstWindow(new URLSearchParams(search)));
  for (const chart of chosen) {
    const wanted = wantedBy(chart, experiment, hours);
    if (wanted.table !== null) void ask(historyPath(wanted, wanted.table));
  }
}

/** Whether a page at an address shows charts. */
export const showsCharts = (pathname: string): boolean => PAGES.some(({ path }) => path.test(pathname));

/** Begin to ask for what the page at an address shows. */
export function askAhead({ pathname, search }: { pathname: string; search: string }): void {
  void ask(ME);
  const page = PAGES.find(({ path }) => path.test(pathname));
  if (page) askForCharts(search, page.charts).catch(() => undefined);
}
