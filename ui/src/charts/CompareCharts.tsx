/** Charts of two experiments over the hours since each began; loaded on its own, as all charts are. */

import { Button } from "@mantine/core";
import { type ReactNode, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { ChartDescriptor } from "@/api/types";
import { useFilters } from "@/parts/filters";
import { Icon } from "@/parts/icons";
import { AxisContext, SharedAxis } from "./axis";
import { CompareChart, type Side } from "./CompareChart";
import css from "./charts.module.css";
import { readHours, writeHours } from "./hours";

interface Props {
  charts: readonly ChartDescriptor[];
  first: Side;
  second: Side;
  children?: ReactNode;
}

const ZOOMED = "hours";
const WRITTEN_AFTER_MS = 300;

export default function CompareCharts({ charts, first, second, children }: Props) {
  const [params, set] = useFilters();
  const asked = params.get(ZOOMED) ?? "";
  const [axis] = useState(() => {
    const begun = new SharedAxis();
    begun.set({ zoom: readHours(asked) });
    return begun;
  });
  const shown = useSyncExternalStore(axis.subscribe, () => writeHours(axis.zoom));
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a moved axis changes the address
  useEffect(() => {
    if (shown === asked) return undefined;
    const timer = setTimeout(() => set(ZOOMED, shown), WRITTEN_AFTER_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const toggle = (name: string): void => {
    const changed = new Set(hidden);
    if (!changed.delete(name)) changed.add(name);
    setHidden(changed);
  };
  const sides = useMemo(() => [first, second] as const, [first, second]);
  return (
    <AxisContext.Provider value={axis}>
      <div className={css.charts}>
        <div className={css.toolbar} role="group" aria-label="Time axis">
          {children}
          {shown !== "" && (
            <Button
              size="compact-sm"
              variant="light"
              leftSection={<Icon name="zoomOut" size={15} />}
              onClick={() => axis.set({ zoom: undefined })}
            >
              Reset zoom
            </Button>
          )}
        </div>
        {charts.map((chart) => (
          <CompareChart key={chart.chart_key} chart={chart} sides={sides} hidden={hidden} onToggle={toggle} />
        ))}
      </div>
    </AxisContext.Provider>
  );
}
