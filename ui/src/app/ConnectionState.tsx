/** State of the live connection, and the age of the data when it is broken. */

import { useEffect, useState } from "react";
import { bus } from "@/live/bus";
import { useClusterTime, useConnection } from "@/live/hooks";
import { silence } from "@/live/silence";
import { clock, duration } from "@/parts/format";
import { Icon } from "@/parts/icons";
import css from "./app.module.css";

function useBrowserMs(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function ConnectionState() {
  const connection = useConnection();
  const clusterTime = useClusterTime();
  const quiet = silence(bus.store, connection, useBrowserMs());

  if (connection.link === "live" && quiet === undefined) {
    return (
      <span
        className={`${css.link} ${css.linkLive}`}
        role="status"
        title={clusterTime > 0 ? `Newest message: ${clock(clusterTime)}` : undefined}
      >
        <Icon name="live" size={16} />
        Live
      </span>
    );
  }
  if (connection.link === "live" && quiet) {
    return (
      <span className={`${css.link} ${css.linkOld}`} role="status">
        <Icon name="clock" size={16} />
        No data for {duration(quiet.seconds)}
        {quiet.units.length > 0 &&
          ` from ${quiet.units.length > 2 ? `${quiet.units.length} units` : quiet.units.join(" and ")}`}
      </span>
    );
  }
  const since = connection.brokenAtS > 0 ? `, showing data from ${clock(connection.brokenAtS)}` : "";
  return (
    <span className={`${css.link} ${css.linkOld}`} role="status">
      <Icon name="broken" size={16} />
      {connection.link === "connecting" ? "Connecting" : `Reconnecting${since}`}
    </span>
  );
}
