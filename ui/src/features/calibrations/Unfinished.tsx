/** Guided calibrations begun in this browser that nobody has finished. */

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { get, Refused } from "@/api/client";
import { clock, secondsOf } from "@/parts/format";
import { deviceName, forget, remembered, type Remembered, type SessionAnswer } from "./session";
import { sessionKey, sessionPath } from "./useSession";
import css from "./calibrations.module.css";

export function Unfinished() {
  return remembered().map((one) => <One key={one.id} unit={one.unit} id={one.id} />);
}

function One({ unit, id }: Remembered) {
  const { data } = useQuery({
    queryKey: sessionKey(unit, id),
    queryFn: async ({ signal }) => {
      try {
        return await get<SessionAnswer>(sessionPath(unit, id), signal);
      } catch (error) {
        if (error instanceof Refused && error.status === 404) forget(id);
        throw error;
      }
    },
  });
  if (data?.session.status !== "in_progress") return null;
  return (
    <section className={`panel ${css.unfinished}`} aria-label="Unfinished calibration">
      <p>
        <strong>
          Calibration of {deviceName(data.session.target_device)} on {unit}
        </strong>{" "}
        is not finished: {data.step.title}, {clock(secondsOf(data.session.updated_at))}.
      </p>
      <Button component={Link} to={`/calibrations/sessions/${encodeURIComponent(unit)}/${id}`} variant="default">
        Go on
      </Button>
    </section>
  );
}
