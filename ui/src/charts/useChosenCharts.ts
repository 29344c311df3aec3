/** Charts as the configuration chooses them, in the order of their descriptors. */

import { isOn } from "@/api/ini";
import { useChartDescriptors, useSharedConfig } from "@/api/queries";
import type { ChartDescriptor } from "@/api/types";

const ON_BY_DEFAULT = new Set(["implied_growth_rate", "normalized_optical_density", "optical_density", "temperature"]);

export function useChosenCharts(): readonly ChartDescriptor[] | undefined {
  const charts = useChartDescriptors().data;
  const config = useSharedConfig();
  if (!charts || config.isPending) return undefined;
  const chosen = config.data?.["ui.overview.charts"] ?? {};
  return charts.filter((chart) => (chart.chart_key in chosen ? isOn(chosen[chart.chart_key]) : ON_BY_DEFAULT.has(chart.chart_key)));
}
