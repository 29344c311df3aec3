/** Which charts the pages of an experiment show: of the overview, or of its units. */

import { Button, Checkbox, Popover } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { request } from "@/api/client";
import { useChartDescriptors, useChartPreferences } from "@/api/queries";
import { chartPreferences } from "@/api/routes";
import type { ChartDescriptor, ChartPreferences } from "@/api/types";
import { Icon } from "@/parts/icons";
import { Needs } from "@/parts/Needs";
import { Problem } from "@/parts/Problem";
import css from "./charts.module.css";

interface Props {
  experiment: string;
  page: keyof ChartPreferences;
  shown: readonly ChartDescriptor[];
}

/** Return the keys with one more, or one less, in the order in which charts are described. */
export function chosenWith(all: readonly string[], shown: readonly string[], key: string, on: boolean): string[] {
  return on ? [...shown, key].sort((a, b) => all.indexOf(a) - all.indexOf(b)) : shown.filter((one) => one !== key);
}

export function ChooseCharts(props: Props) {
  return (
    <Popover position="bottom-start" shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button size="compact-sm" variant="default" leftSection={<Icon name="curve" size={15} />}>
          Charts
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Charts shown">
        <Choice {...props} />
      </Popover.Dropdown>
    </Popover>
  );
}

function Choice({ experiment, page, shown }: Props) {
  const client = useQueryClient();
  const charts = useChartDescriptors().data ?? [];
  const preferences = useChartPreferences(experiment).data;
  const choosing = useMutation({
    mutationFn: (keys: readonly string[] | null) =>
      request<ChartPreferences>("PATCH", chartPreferences(experiment), { [page]: keys }),
    onSuccess: (chosen) => client.setQueryData(["experiments", experiment, "chart preferences"], chosen),
  });
  const keys = shown.map((one) => one.chart_key);
  const all = charts.map((one) => one.chart_key);
  return (
    <fieldset className={css.choice}>
      <legend className="soft small">Charts of {experiment}</legend>
      {charts.map((chart) => (
        <Needs key={chart.chart_key} call={["PATCH", chartPreferences(experiment)]}>
          <Checkbox
            label={chart.title}
            checked={keys.includes(chart.chart_key)}
            disabled={choosing.isPending}
            onChange={(event) => choosing.mutate(chosenWith(all, keys, chart.chart_key, event.currentTarget.checked))}
          />
        </Needs>
      ))}
      <Needs call={["PATCH", chartPreferences(experiment)]}>
        <Button
          size="compact-sm"
          variant="default"
          disabled={!preferences?.[page] || choosing.isPending}
          onClick={() => choosing.mutate(null)}
        >
          As configured
        </Button>
      </Needs>
      {choosing.error && <Problem error={choosing.error} />}
    </fieldset>
  );
}
