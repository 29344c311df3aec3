/** Has the answers for the first page in place before it is drawn: each that comes later draws it anew. */

import type { QueryClient } from "@tanstack/react-query";
import { experimentsAsked, forCharts, forChartsOf } from "@/api/queries";
import type { Experiment } from "@/api/types";
import { firstExperiment, LINKED } from "@/parts/pickExperiment";
import { showsCharts } from "./ahead";
import { HOME, pageAt } from "./pages";
import { personAsked } from "./session";

/** The page is drawn after this time [ms] with what has come. */
const WITHIN_MS = 1000;

export interface Place {
  pathname: string;
  search: string;
}

const pause = (ms: number): Promise<undefined> => new Promise((resolve) => setTimeout(resolve, ms));

/** Return where the page at an address leads: the root to the overview, and to the experiment that is shown. */
function destination({ pathname, search }: Place, experiments: readonly Experiment[]): Place {
  const to = pathname === "/" ? HOME : pathname;
  const params = new URLSearchParams(search);
  const shown = firstExperiment(experiments, search)?.experiment;
  if (pageAt(to)?.group !== "experiment" || shown === undefined || params.has(LINKED)) return { pathname: to, search };
  params.set(LINKED, shown);
  return { pathname: to, search: `?${params}` };
}

async function fetchFor(client: QueryClient, place: Place): Promise<Place> {
  if (!(await client.fetchQuery(personAsked))) return place;
  const answers = showsCharts(place.pathname) ? forCharts.map((asked) => client.prefetchQuery(asked)) : [];
  const experiments = await client.fetchQuery(experimentsAsked);
  const experiment = firstExperiment(experiments, place.search)?.experiment;
  if (experiment !== undefined && showsCharts(place.pathname))
    answers.push(...forChartsOf(experiment).map((asked) => client.prefetchQuery(asked)));
  await Promise.all(answers);
  return destination(place, experiments);
}

/** Fetch what the page at an address shows, as long as that is quick, and return the address that it will have. */
export async function prime(client: QueryClient, place: Place): Promise<Place> {
  const fetched = fetchFor(client, place).catch(() => undefined); // the page meets a failure again, and shows it
  return (await Promise.race([fetched, pause(WITHIN_MS)])) ?? place;
}
