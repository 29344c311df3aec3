/** What the leader knows of alarms; asked again whenever it publishes that one has changed. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useStream } from "@/live/hooks";
import { ofAlarms } from "@/live/topics";
import { get } from "./client";
import type { Alarm, AlarmChannels, AlarmConditions, AlarmDelivery, AlarmWithLife, RuleInForce } from "./types";

const ALARMS = "alarms";
/** Interval [ms] at which alarms are asked for even if nothing is published. */
const ANYWAY_MS = 60_000;

const asked = <T>(where: string, ...key: (string | number)[]) => ({
  queryKey: [ALARMS, ...key],
  queryFn: ({ signal }: { signal: AbortSignal }) => get<T>(`/api/alarms${where}`, signal),
  refetchInterval: ANYWAY_MS,
});

export const useOpenAlarms = () => useQuery(asked<Alarm[]>("", "open"));
export const useAlarmHistory = (skip: number) =>
  useQuery(asked<Alarm[]>(`/history?limit=50&skip=${skip}`, "history", skip));
export const useAlarm = (id: number) => useQuery(asked<AlarmWithLife>(`/by_id/${id}`, "one", id));
export const useAlarmRules = () => useQuery(asked<RuleInForce[]>("/rules", "rules"));
export const useAlarmConditions = () => useQuery(asked<AlarmConditions>("/conditions", "conditions"));
export const useAlarmChannels = () => useQuery(asked<AlarmChannels>("/channels", "channels"));
export const useDeliveries = () =>
  useQuery({ ...asked<AlarmDelivery[]>("/deliveries?limit=50", "deliveries"), refetchInterval: 5_000 });

/** Return what asks again for everything about alarms. */
export function useAskAgain(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: [ALARMS] });
}

/** Ask again whenever the leader says that an alarm has changed. */
export function useAlarmsLive(): void {
  const askAgain = useAskAgain();
  useStream(ofAlarms, () => void askAgain());
}
