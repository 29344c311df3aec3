/** Sends a command and follows it until the units have answered on the broker. */

import { useCallback, useEffect, useReducer, useRef } from "react";
import { Refused } from "@/api/client";
import { bus } from "@/live/bus";
import { IDLE, next, type Outcome, PATIENCE_MS } from "./outcome";

export interface Command {
  /** Topic on which each target answers. */
  answers: readonly string[];
  /** Say whether a payload on such a topic confirms the command. */
  confirms: (payload: string) => boolean;
  /** Say what a unit does instead, when a payload that it publishes after the command shows that. */
  keeps?: (topic: string, payload: string) => string;
  /** Resolves once the request has been taken, or done if `isAnswered`; throws the refusal. */
  issue: () => Promise<unknown>;
  /** The result of the request is the answer of every unit. */
  isAnswered?: boolean;
}

export interface Commanding {
  outcome: Outcome;
  send: (command: Command) => void;
  dismiss: () => void;
}

export function useCommand(): Commanding {
  const [outcome, tell] = useReducer(next, IDLE);
  const stop = useRef<() => void>(() => undefined);
  useEffect(() => () => stop.current(), []);

  const send = useCallback((command: Command) => {
    stop.current();
    tell({ kind: "sent", targets: command.answers });
    const leaving = command.answers.map((topic) =>
      bus.store.onTopic(topic, () => {
        const payload = bus.store.value(topic);
        if (payload === undefined) return;
        if (command.confirms(payload)) tell({ kind: "received", target: topic });
        else if (command.keeps) tell({ kind: "kept", target: topic, reason: command.keeps(topic, payload) });
      }),
    );
    const timer = setTimeout(() => tell({ kind: "waited" }), PATIENCE_MS);
    let current = true;
    stop.current = () => {
      current = false;
      clearTimeout(timer);
      leaving.forEach((leave) => leave());
    };
    command.issue().then(
      () => {
        if (current && command.isAnswered) tell({ kind: "accepted" });
      },
      (error: unknown) => {
        if (!current) return;
        const refused = error instanceof Refused ? error : new Refused(String(error), 0);
        tell({ kind: "refused", reason: refused.message, remedy: refused.remedy });
      },
    );
  }, []);

  const dismiss = useCallback(() => {
    stop.current();
    tell({ kind: "dismissed" });
  }, []);

  return { outcome, send, dismiss };
}
