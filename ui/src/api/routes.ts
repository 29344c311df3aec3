/** Routes that the first page asks for. Loaded before the page: imports nothing large. */

import { path } from "./client";

export const ME = "/auth/me";
export const EXPERIMENTS = "/api/experiments";
export const WORKERS = "/api/workers";
export const JOBS = "/api/jobs/descriptors";
export const CHARTS = "/api/charts/descriptors";
export const SHARED_CONFIG = "/api/config/shared";

/** All that the first page asks for, of an experiment if there is one of that name. */
export const overviewOf = (experiment: string | undefined): string =>
  experiment === undefined ? "/api/overview" : `/api/overview?experiment=${encodeURIComponent(experiment)}`;

export const assignedTo = (experiment: string): string => path("api", "experiments", experiment, "workers");
export const labelsIn = (experiment: string): string => path("api", "experiments", experiment, "unit_labels");
export const chartPreferences = (experiment: string): string =>
  path("api", "experiments", experiment, "chart_preferences");
