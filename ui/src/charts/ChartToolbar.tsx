/** The window and style of the page's time axis. */

import { Button, SegmentedControl } from "@mantine/core";
import type { ReactNode } from "react";
import { Icon } from "@/parts/icons";
import { remember } from "@/parts/remembered";
import { type TimeStyle, useAxis } from "./axis";
import css from "./charts.module.css";
import { RangePicker } from "./RangePicker";
import { TIME_WINDOW, windowOf } from "./wanted";

/** Hours up to the newest reading. */
const WINDOWS: { value: string; label: string }[] = [
  { value: "all", label: "All" },
  { value: "24", label: "24 h" },
  { value: "12", label: "12 h" },
  { value: "1", label: "1 h" },
  { value: "0.1", label: "Now" },
];

export const TIME_STYLE = "pioreactor.timeStyle";

export function ChartToolbar({ children }: { children?: ReactNode }) {
  const { axis } = useAxis();
  return (
    <div className={css.toolbar} role="group" aria-label="Time axis">
      <SegmentedControl
        size="xs"
        aria-label="Window"
        data={WINDOWS}
        value={String(axis.window)}
        onChange={(value) => {
          remember(TIME_WINDOW, value);
          axis.set({ window: windowOf(value), zoom: undefined });
        }}
      />
      <SegmentedControl
        size="xs"
        aria-label="Time shown as"
        data={[
          { value: "elapsed", label: "Elapsed" },
          { value: "clock", label: "Clock" },
        ]}
        value={axis.style}
        onChange={(value) => {
          remember(TIME_STYLE, value);
          axis.set({ style: value as TimeStyle });
        }}
      />
      <RangePicker />
      {axis.zoom && (
        <Button
          size="compact-sm"
          variant="light"
          leftSection={<Icon name="zoomOut" size={15} />}
          onClick={() => axis.set({ zoom: undefined })}
        >
          Reset zoom
        </Button>
      )}
      {children}
    </div>
  );
}
