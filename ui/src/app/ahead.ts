/** Asks for what the first page shows while its code is still on its way. Imports nothing large. */

import { getAhead, keepPart } from "@/api/client";
import { parseIni } from "@/api/ini";
import {
  assignedTo,
  CHARTS,
  chartPreferences,
  EXPERIMENTS,
  JOBS,
  labelsIn,
  ME,
  overviewOf,
  SHARED_CONFIG,
  WORKERS,
} from "@/api/routes";
import type { ChartDescriptor, ChartPreferences, Overview } from "@/api/types";
import { chosenCharts } from "@/charts/chosenCharts";
import { firstWindow, historyPath, hoursOf, wantedBy } from "@/charts/wanted";
import { firstExperiment, wantedExperiments } from "@/parts/pickExperiment";

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

/** Ask for all that a page with charts shows, at once, and then for the curves. */
async function askForCharts(search: string, page: keyof ChartPreferences): Promise<void> {
  const whole = getAhead<Overview>(overviewOf(wantedExperiments(search)[0]));
  const experimentKnown = whole.then((all) => keepPartsOf(all, search));
  const all = experimentKnown.then(() => whole);
  keepPart(EXPERIMENTS, part(all, "experiments"));
  keepPart(WORKERS, part(all, "workers"));
  keepPart(JOBS, part(all, "jobs"));
  keepPart(CHARTS, part(all, "charts"));
  keepPart(SHARED_CONFIG, part(all, "config"));
  const [{ charts, config }, experiment] = [await all, await experimentKnown];
  if (experiment === undefined) return;
  const chosen = chosenCharts(charts as ChartDescriptor[], parseIni(config), (await experiment.preferences)[page]);
  const hours = hoursOf(firstWindow(new URLSearchParams(search)));
  for (const chart of chosen) {
    const wanted = wantedBy(chart, experiment.name, hours);
    if (wanted.table !== null) void ask(historyPath(wanted, wanted.table));
  }
}

const part = <K extends keyof Overview>(all: Promise<Overview>, key: K): Promise<Overview[K]> =>
  all.then((found) => found[key]);

interface Shown {
  name: string;
  preferences: ChartPreferences | Promise<ChartPreferences>;
}

/** Keep what is about the experiment that the page shows; it is asked for where the leader chose another. */
function keepPartsOf(all: Overview, search: string): Shown | undefined {
  const name = firstExperiment(all.experiments, search)?.experiment;
  if (name === undefined) return undefined;
  if (name !== all.experiment) {
    void ask(assignedTo(name));
    void ask(labelsIn(name));
    return { name, preferences: ask<ChartPreferences>(chartPreferences(name)) };
  }
  keepPart(assignedTo(name), Promise.resolve(all.assigned));
  keepPart(labelsIn(name), Promise.resolve(all.labels));
  keepPart(chartPreferences(name), Promise.resolve(all.chart_preferences));
  return { name, preferences: all.chart_preferences as ChartPreferences };
}

/** Whether a page at an address shows charts. */
export const showsCharts = (pathname: string): boolean => PAGES.some(({ path }) => path.test(pathname));

/** Begin to ask for what the page at an address shows. */
export function askAhead({ pathname, search }: { pathname: string; search: string }): void {
  void ask(ME);
  const page = PAGES.find(({ path }) => path.test(pathname));
  if (page) askForCharts(search, page.charts).catch(() => undefined);
}
