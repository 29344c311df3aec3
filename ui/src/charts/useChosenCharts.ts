/** Charts of an experiment's pages: those that were chosen for it, else those of the configuration. */

import { useChartDescriptors, useChartPreferences, useSharedConfig } from "@/api/queries";
import type { ChartDescriptor, ChartPreferences } from "@/api/types";
import { chosenCharts } from "./chosenCharts";

export function useChosenCharts(
  experiment: string,
  page: keyof ChartPreferences,
): readonly ChartDescriptor[] | undefined {
  const charts = useChartDescriptors().data;
  const config = useSharedConfig();
  const preferences = useChartPreferences(experiment);
  if (!charts || config.isPending || preferences.isPending) return undefined;
  return chosenCharts(charts, config.data, preferences.data?.[page]);
}
