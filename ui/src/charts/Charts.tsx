/** The charts of a page under one time axis. */

import { type ReactNode, useEffect, useMemo, useState } from "react";
import type { Ini } from "@/api/ini";
import { useSharedConfig } from "@/api/queries";
import type { ChartDescriptor } from "@/api/types";
import { recall } from "@/parts/remembered";
import { StillStrips } from "@/stills/StillStrip";
import { readStretch, type Stretch, useStretchInAddress } from "./address";
import { AxisContext, SharedAxis, type TimeStyle } from "./axis";
import { ChartCard } from "./ChartCard";
import { ChartToolbar, TIME_STYLE } from "./ChartToolbar";
import css from "./charts.module.css";
import { useNotes } from "./notes";
import { PlaceNote } from "./PlaceNote";
import { TIME_WINDOW, windowOf } from "./wanted";

interface Props {
  charts: readonly ChartDescriptor[];
  experiment: string;
  /** Start of the experiment [s]. */
  startS: number;
  labels: Record<string, string>;
  unit?: string;
  /** Called with the moment [s] at which a note is to be placed. */
  onPlace?: (at: number) => void;
  /** More of the toolbar. */
  children?: ReactNode;
}

/** The style that this browser remembers, else the one of the configuration. */
export function styleOf(remembered: string | undefined, config: Ini | undefined): TimeStyle {
  if (remembered === "clock" || remembered === "elapsed") return remembered;
  return config?.["ui.overview.settings"]?.time_display_mode === "clock_time" ? "clock" : "elapsed";
}

function begun(startS: number, stretch: Stretch, config: Ini | undefined): SharedAxis {
  const axis = new SharedAxis();
  const style = styleOf(recall(TIME_STYLE), config);
  axis.set({ startS, style, zoom: stretch.zoom, window: stretch.window ?? windowOf(recall(TIME_WINDOW)) });
  return axis;
}

export default function Charts({ charts, experiment, startS, labels, unit, onPlace, children }: Props) {
  const config = useSharedConfig().data;
  // biome-ignore lint/correctness/useExhaustiveDependencies: one axis per experiment; a new start is set on it below
  const axis = useMemo(() => begun(startS, readStretch(new URLSearchParams(location.search)), config), [experiment]);
  useStretchInAddress(axis);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [placing, setPlacing] = useState(false);
  const notes = useNotes(experiment, unit);
  const place = (at: number): void => {
    setPlacing(false);
    onPlace?.(at);
  };
  useEffect(() => {
    if (axis.startS !== startS) axis.set({ startS });
  }, [axis, startS]);

  const toggle = (name: string): void => {
    const changed = new Set(hidden);
    if (!changed.delete(name)) changed.add(name);
    setHidden(changed);
  };

  return (
    <AxisContext.Provider value={axis}>
      <div className={css.charts}>
        <ChartToolbar>
          {onPlace && <PlaceNote placing={placing} onChange={setPlacing} />}
          {children}
        </ChartToolbar>
        {charts.map((chart) => (
          <ChartCard
            key={chart.chart_key}
            chart={chart}
            experiment={experiment}
            labels={labels}
            hidden={hidden}
            onToggle={toggle}
            notes={notes}
            onPick={placing ? place : undefined}
            {...(unit === undefined ? {} : { unit })}
          />
        ))}
        <StillStrips experiment={experiment} labels={labels} hidden={hidden} unit={unit} />
      </div>
    </AxisContext.Provider>
  );
}
