/** Charts of an experiment's pages: those that were chosen for it, else those of the configuration. */

import { isOn } from "@/api/ini";
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
  const keys = preferences.data?.[page];
  if (keys) return keys.flatMap((key) => charts.find((chart) => chart.chart_key === key) ?? []);
  const chosen = config.data?.["ui.overview.charts"] ?? {};
  return charts.filter((chart) =>
    chart.chart_key in chosen ? isOn(chosen[chart.chart_key]) : (chart.shown_by_default ?? false),
  );
}
