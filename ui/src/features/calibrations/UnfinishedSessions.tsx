/** Unfinished guided calibrations of all people and units. */

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { finished, request } from "@/api/client";
import type { TaskAccepted } from "@/api/types";
import { moment, secondsOf } from "@/parts/format";
import css from "./calibrations.module.css";
import { deviceName, unfinished } from "./session";

export function UnfinishedSessions() {
  const { data } = useQuery({
    queryKey: ["calibration sessions"],
    queryFn: async ({ signal }) =>
      unfinished(
        await finished(
          await request<TaskAccepted>("GET", "/api/workers/$broadcast/calibrations/sessions", undefined, signal),
        ),
      ),
    staleTime: 5_000,
    refetchInterval: 15_000,
  });
  return (data ?? []).map(({ unit, session }) => (
    <section key={session.session_id} className={`panel ${css.unfinished}`} aria-label="Unfinished calibration">
      <p>
        <strong>
          Calibration of {deviceName(session.target_device)} on {unit}
        </strong>{" "}
        is not finished; the last step was on {moment(secondsOf(session.updated_at))}.
      </p>
      <Button
        component={Link}
        to={`/calibrations/sessions/${encodeURIComponent(unit)}/${session.session_id}`}
        variant="default"
      >
        Resume
      </Button>
    </section>
  ));
}
