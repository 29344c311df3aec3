/** Stills of cameras: what is asked, where the images are, and which of them are shown. */

import { type UseQueryResult, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { get, path } from "@/api/client";
import type { CameraStatus, Cameras, Still, Stills } from "@/api/types";
import { useTopic, useTopics } from "@/live/hooks";
import { setting } from "@/live/topics";
import { secondsOf } from "@/parts/format";

const MINUTE = 60_000;
/** Stills that are taken by command line are not announced, so a list is fetched again now and then. */
const REFETCH_MS = 5 * MINUTE;

let imageSource: (unit: string, experiment: string, still: Still) => string = (unit, experiment, still) =>
  path("api", "workers", unit, "camera", "experiments", experiment, "stills", `${still.image_id}.jpg`);

/** Return images from elsewhere: the demonstration has no leader. */
export function showImages(source: typeof imageSource): void {
  imageSource = source;
}

export const imageOf = (unit: string, experiment: string, still: Still): string => imageSource(unit, experiment, still);

export const stillsPath = (unit: string, experiment: string, ...more: string[]): string =>
  path("api", "workers", unit, "camera", "experiments", experiment, "stills", ...more);

export const archivePath = (unit: string, experiment: string): string =>
  path("api", "workers", unit, "camera", "experiments", experiment, "stills.zip");

export const filmPath = (unit: string, experiment: string): string =>
  path("api", "workers", unit, "camera", "experiments", experiment, "film");

export const takenAt = (still: Still): number => secondsOf(still.captured_at);

const latestTopic = (unit: string, experiment: string): string => setting(unit, experiment, "camera", "latest_still");

export const camerasKey = (experiment: string): readonly unknown[] => ["cameras", experiment];
export const stillsKey = (unit: string, experiment: string): readonly unknown[] => ["stills", experiment, unit];

export interface CameraOf {
  unit: string;
  /** Undefined when the unit did not answer. */
  status: CameraStatus | undefined;
  problem: string | undefined;
}

/** Return the answer of each unit, in the order of their names. */
export function camerasOf(answer: Cameras): CameraOf[] {
  const units = Object.entries(answer.cameras as Record<string, Record<string, unknown>>);
  return units
    .map(([unit, report]) => ({
      unit,
      status: report.ok === true ? (report.value as CameraStatus) : undefined,
      problem: report.ok === true ? undefined : (report.error as { message?: string } | undefined)?.message,
    }))
    .sort((a, b) => a.unit.localeCompare(b.unit, undefined, { numeric: true }));
}

/** The cameras of an experiment; asked again when a unit of `units` announces a still. */
export function useCameras(experiment: string, units: readonly string[] = []): UseQueryResult<CameraOf[], Error> {
  const client = useQueryClient();
  const news = useTopics(units.map((unit) => latestTopic(unit, experiment))).join("\n");
  useEffect(() => {
    if (news.trim() !== "") void client.invalidateQueries({ queryKey: camerasKey(experiment) });
  }, [client, experiment, news]);
  return useQuery({
    queryKey: camerasKey(experiment),
    queryFn: async ({ signal }) =>
      camerasOf(await get<Cameras>(path("api", "experiments", experiment, "cameras"), signal)),
    staleTime: MINUTE,
    refetchInterval: REFETCH_MS,
  });
}

/** The stills of a unit, oldest first; asked again when it announces one. */
export function useStills(unit: string, experiment: string): UseQueryResult<Still[], Error> {
  const client = useQueryClient();
  const newest = useTopic(latestTopic(unit, experiment));
  useEffect(() => {
    if (newest !== undefined) void client.invalidateQueries({ queryKey: stillsKey(unit, experiment) });
  }, [client, unit, experiment, newest]);
  return useQuery({
    queryKey: stillsKey(unit, experiment),
    queryFn: async ({ signal }) => (await get<Stills>(stillsPath(unit, experiment), signal)).stills,
    staleTime: MINUTE,
    refetchInterval: REFETCH_MS,
  });
}

/** Return the still that is nearest to a moment [s]; undefined when there are none. */
export function nearest(stills: readonly Still[], at: number): Still | undefined {
  let best: Still | undefined;
  for (const still of stills) {
    if (best === undefined || Math.abs(takenAt(still) - at) <= Math.abs(takenAt(best) - at)) best = still;
  }
  return best;
}

export interface Placed {
  still: Still;
  /** Left edge [px] within the plot. */
  left: number;
}

const GAP_PX = 2;

/** Place stills along a time axis: each is at its own moment, and none covers another. */
export function placed(
  stills: readonly Still[],
  [from, to]: readonly [number, number],
  widthPx: number,
  sizePx: number,
): Placed[] {
  const found: Placed[] = [];
  let end = 0;
  for (const still of stills) {
    const at = takenAt(still);
    if (at < from || at > to) continue;
    const center = ((at - from) / (to - from)) * widthPx;
    const left = Math.min(Math.max(center - sizePx / 2, 0), widthPx - sizePx);
    if (left < end) continue;
    found.push({ still, left });
    end = left + sizePx + GAP_PX;
  }
  return found;
}
