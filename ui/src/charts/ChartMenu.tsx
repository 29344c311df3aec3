/** What can be taken out of a chart: picture and numbers. */

import { ActionIcon, Menu } from "@mantine/core";
import type { RefObject } from "react";
import type uPlot from "uplot";
import type { ChartDescriptor } from "@/api/types";
import { Icon } from "@/parts/icons";
import { useAxis } from "./axis";
import { type Named, save, toCsv, toPng } from "./exporting";
import type { LegendEntry } from "./Legend";
import { pictureOf, writeSvg } from "./svg";

interface Props {
  chart: ChartDescriptor;
  experiment: string;
  plot: RefObject<uPlot | null>;
  entries: readonly LegendEntry[];
  series: readonly (Named & { visible: boolean })[];
}

export function ChartMenu({ chart, experiment, plot, entries, series }: Props) {
  const { axis } = useAxis();
  const name = `${experiment} ${chart.chart_key}`.replaceAll(/[^\w.-]+/g, "_");
  const csv = (): string =>
    toCsv(
      series.filter((one) => one.visible),
      chart.y_axis_label,
      axis.startS,
      axis.range(),
    );

  const savePng = async (): Promise<void> => {
    if (!plot.current) return;
    const shown = entries.filter((one) => one.visible).map((one) => ({ name: one.name, color: one.stroke.color }));
    const png = await toPng(plot.current.ctx.canvas, `${chart.title}, ${experiment}`, shown);
    if (png) save(`${name}.png`, png);
  };

  const saveSvg = (): void => {
    if (!plot.current) return;
    const picture = pictureOf(plot.current, entries, {
      title: `${chart.title}, ${experiment}`,
      yLabel: chart.y_axis_label,
      stepped: (chart.interpolation ?? "stepAfter").startsWith("step"),
    });
    save(`${name}.svg`, new Blob([writeSvg(picture)], { type: "image/svg+xml" }));
  };

  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={`Save ${chart.title}`}>
          <Icon name="download" size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void savePng()}>Save as PNG</Menu.Item>
        <Menu.Item onClick={saveSvg}>Save as SVG</Menu.Item>
        <Menu.Item onClick={() => save(`${name}.csv`, new Blob([csv()], { type: "text/csv" }))}>Save as CSV</Menu.Item>
        <Menu.Item onClick={() => void navigator.clipboard.writeText(csv())}>Copy as CSV</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
