/** A session as its unit tells it, and the moves that are made in it. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { finished, get, path, request } from "@/api/client";
import type { TaskAccepted } from "@/api/types";
import { driverName, type SessionAnswer } from "./session";

export const sessionPath = (unit: string, ...more: string[]): string =>
  path("api", "workers", unit, "calibrations", "sessions", ...more);

export const sessionKey = (unit: string, id: string): string[] => ["calibration session", unit, id];

const LOOK_EVERY_MS = 5000;

/** Five minutes: the longest that a unit lets a step move its hardware, and a little. */
const STEP = { everyMs: 250, attempts: 1400 };

/** Complete a step: the unit works on it as a task, whose result is the session with its next step. */
async function advance(unit: string, id: string, body: Record<string, unknown>): Promise<SessionAnswer> {
  const { task_id, ...task } = await request<TaskAccepted>("POST", sessionPath(unit, id, "inputs"), body);
  const result_url_path = path("api", "workers", unit, "task_results", task_id);
  return (await finished({ ...task, task_id, result_url_path }, STEP)) as SessionAnswer;
}

/** Who drives from this browser. */
export function useDriver(): string {
  const person = useQueryClient().getQueryData<{ username: string } | null>(["me"]);
  return driverName(person?.username ?? "a person");
}

export type Move = { undo: true } | { inputs: Record<string, unknown> };

export function useSession(unit: string, id: string) {
  const client = useQueryClient();
  const me = useDriver();
  const [takingOver, setTakingOver] = useState(false);
  const key = sessionKey(unit, id);
  const keep = (answer: SessionAnswer): void => {
    client.setQueryData(key, answer);
    if (answer.session.status === "complete")
      for (const key of ["calibrations", "estimators"]) void client.invalidateQueries({ queryKey: [key] });
  };
  const moving = useMutation({
    mutationFn: (move: Move) => {
      const who = { driver: me, take_over: takingOver };
      if ("undo" in move) return request<SessionAnswer>("POST", sessionPath(unit, id, "undo"), who);
      return advance(unit, id, {
        ...who,
        inputs: move.inputs,
        step_id: client.getQueryData<SessionAnswer>(key)?.step.step_id,
      });
    },
    onMutate: () => client.cancelQueries({ queryKey: key }),
    onSuccess: (answer) => {
      setTakingOver(false);
      keep(answer);
    },
    // The refusal may mean that another person drives by now, or that the session has moved on.
    onError: () => client.invalidateQueries({ queryKey: key }),
  });
  const session = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => get<SessionAnswer>(sessionPath(unit, id), signal),
    // Another person may move it on, or this page may have been opened in the middle of a step.
    refetchInterval: ({ state }) =>
      state.data?.session.status === "in_progress" && !moving.isPending ? LOOK_EVERY_MS : false,
  });
  const aborting = useMutation({
    mutationFn: () => request<SessionAnswer>("POST", sessionPath(unit, id, "abort")),
    onSuccess: keep,
  });
  const other = session.data?.driver ?? null;
  return {
    session,
    moving,
    aborting,
    otherDriver: other !== me && !takingOver ? other : null,
    takeOver: () => setTakingOver(true),
  };
}
