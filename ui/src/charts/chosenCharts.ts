/** Which charts a page shows. Loaded before the page: imports nothing large. */

import { type Ini, isOn } from "@/api/ini";
import type { ChartDescriptor } from "@/api/types";

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
