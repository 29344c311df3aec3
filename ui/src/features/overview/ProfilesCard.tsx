/** Profiles that run in this experiment; nothing while none does. */

import { useRunningProfiles } from "@/api/queries";
import { RunningProfile } from "@/control/RunningProfile";
import css from "./overview.module.css";

const REFRESH_MS = 10_000;

export function ProfilesCard({ experiment }: { experiment: string }) {
  const running = useRunningProfiles(experiment, REFRESH_MS).data ?? [];
  if (running.length === 0) return null;
  return (
    <section className={`panel ${css.profiles}`} aria-label="Running profiles">
      <h2>Running profiles</h2>
      <ul>
        {running.map((job) => (
          <RunningProfile key={job.job_id} job={job} />
        ))}
      </ul>
    </section>
  );
}
