/** State of the live connection, and the age of the data when it is broken. */

import { useEffect, useState } from "react";
import { useClusterTime, useConnection } from "@/live/hooks";
import { clock, duration } from "@/parts/format";
import { Icon } from "@/parts/icons";
import css from "./app.module.css";

/** After this many silent seconds on an open connection the page reports that no data arrives. */
const QUIET_S = 60;

function useBrowserSeconds(): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), 5000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function ConnectionState() {
  const connection = useConnection();
  const clusterTime = useClusterTime();
  const now = useBrowserSeconds();
  const quietS = connection.receivedAtMs > 0 ? now - connection.receivedAtMs / 1000 : 0;

  if (connection.link === "live" && quietS < QUIET_S) {
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
  if (connection.link === "live") {
    return (
      <span className={`${css.link} ${css.linkOld}`} role="status">
        <Icon name="clock" size={16} />
        No data for {duration(quietS)}
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
