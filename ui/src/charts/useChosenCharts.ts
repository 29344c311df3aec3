/** Charts of an experiment's pages: those that were chosen for it, else those of the configuration. */

import { type Ini, isOn } from "@/api/ini";
import { useChartDescriptors, useChartPreferences, useSharedConfig } from "@/api/queries";
import type { ChartDescriptor, ChartPreferences } from "@/api/types";

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

/** Return the charts of these keys, or else those that the configuration shows. */
export function chosenCharts(
  charts: readonly ChartDescriptor[],
  config: Ini | undefined,
  keys: readonly string[] | null | undefined,
): readonly ChartDescriptor[] {
  if (keys) return keys.flatMap((key) => charts.find((chart) => chart.chart_key === key) ?? []);
  const chosen = config?.["ui.overview.charts"] ?? {};
  return charts.filter((chart) =>
    chart.chart_key in chosen ? isOn(chosen[chart.chart_key]) : (chart.shown_by_default ?? false),
  );
}
