/** Charts as the configuration chooses them, in the order of their descriptors. */

import { isOn } from "@/api/ini";
import { useChartDescriptors, useSharedConfig } from "@/api/queries";
import type { ChartDescriptor } from "@/api/types";

export function useChosenCharts(): readonly ChartDescriptor[] | undefined {
  const charts = useChartDescriptors().data;
  const config = useSharedConfig();
  if (!charts || config.isPending) return undefined;
  const chosen = config.data?.["ui.overview.charts"] ?? {};
  return charts.filter((chart) =>
    chart.chart_key in chosen ? isOn(chosen[chart.chart_key]) : (chart.shown_by_default ?? false),
  );
}
