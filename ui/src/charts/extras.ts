/** What charts show besides their lines: the bands of growth rates, and when units were dosed. */

import type { ChartDescriptor } from "@/api/types";
import type { Band } from "./bands";
import { useDetailed } from "./detail";
import type { Points } from "./points";
import type { Quantity } from "./stretch";
import { bandWanted, dosesWanted, factorOf } from "./wanted";

/** With more units than this, their bands would cover each other. */
export const MAX_BANDS = 6;

/** A logarithmic axis is offered for what grows. */
export const quantityOf = (chart: ChartDescriptor): Quantity =>
  chart.data_source === "growth_rates" ? "rate" : chart.log_scale ? "biomass" : "other";

/** The same points on an axis that begins at a moment [s]. */
export const since = ({ x, y }: Points, originS: number): Points =>
  originS === 0 ? { x, y } : { x: x.map((at) => at - originS), y };

/** The 95 % bands of the growth rates, of every unit that publishes one; none for other charts. */
export function useBands(
  chart: ChartDescriptor,
  experiment: string,
  lookbackH: number,
  originS = 0,
): (unit: string, color: string) => Band[] {
  const wanted = quantityOf(chart) === "rate";
  const factor = factorOf(chart.y_transformation);
  const low = useDetailed(bandWanted("lower_95", experiment, factor, lookbackH), wanted, originS).series;
  const high = useDetailed(bandWanted("upper_95", experiment, factor, lookbackH), wanted, originS).series;
  return (unit, color) => {
    const [below, above] = wanted ? [low.get(unit), high.get(unit)] : [];
    return below && above ? [{ low: since(below, originS), high: since(above, originS), color }] : [];
  };
}

/** Doses of every unit; nothing is asked for a chart that does not show them. */
export function useDoses(
  experiment: string | undefined,
  lookbackH: number,
  originS = 0,
): (unit: string) => readonly number[] {
  const { series } = useDetailed(dosesWanted(experiment ?? "", lookbackH), experiment !== undefined, originS);
  return (unit) => {
    const doses = series.get(unit);
    return doses ? since(doses, originS).x : [];
  };
}
