/** Names and strokes of series: `unit`, or `unit-channel` written with its angle. */

import { useComputedColorScheme } from "@mantine/core";
import { useMemo } from "react";
import { useSharedConfig, useWorkers } from "@/api/queries";
import { type Stroke, stroke } from "./palette";

/** Split `unit-channel` when the part before the dash is a unit we know. */
export function splitSeries(name: string, units: readonly string[]): { unit: string; channel: string | undefined } {
  const found = /^(.*)-(\d)$/.exec(name);
  return found?.[1] !== undefined && units.includes(found[1])
    ? { unit: found[1], channel: found[2] }
    : { unit: name, channel: undefined };
}

export interface UnitStrokes {
  dark: boolean;
  units: readonly string[];
  strokeOf: (unit: string) => Stroke;
  /** Angle of a photodiode channel, "90°", or undefined when the configuration does not say. */
  angleOf: (channel: string) => string | undefined;
}

/** Colors follow the order in which units joined the cluster, so they do not change with the experiment. */
export function useUnitStrokes(): UnitStrokes {
  const dark = useComputedColorScheme("light") === "dark";
  const workers = useWorkers().data;
  const config = useSharedConfig().data;
  return useMemo(() => {
    const units = [...(workers ?? [])]
      .sort((a, b) => a.added_at.localeCompare(b.added_at) || a.pioreactor_unit.localeCompare(b.pioreactor_unit))
      .map((worker) => worker.pioreactor_unit);
    const angles = config?.["od_config.photodiode_channel"] ?? {};
    return {
      dark,
      units,
      strokeOf: (unit) => stroke(Math.max(0, units.indexOf(unit)), dark),
      angleOf: (channel) => (/^\d+$/.test(angles[channel] ?? "") ? `${angles[channel]}°` : undefined),
    };
  }, [dark, workers, config]);
}
