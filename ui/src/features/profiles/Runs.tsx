/** Profiles that run in this experiment, and what ran before. */

import { useRunningProfiles } from "@/api/queries";
import { RunningProfile } from "@/control/RunningProfile";
import { moment, secondsOf } from "@/parts/format";
import css from "./profiles.module.css";
import { useRecentRuns } from "./queries";

export function Runs({ experiment }: { experiment: string }) {
  const running = useRunningProfiles(experiment).data ?? [];
  const recent = useRecentRuns(experiment).data ?? [];
  return (
    <section className={`panel ${css.runs}`} aria-label="Runs">
      <h2>Running in this experiment</h2>
      {running.length === 0 ? (
        <p className="soft">No profile runs.</p>
      ) : (
        <ul>
          {running.map((job) => (
            <RunningProfile key={job.job_id} job={job} />
          ))}
        </ul>
      )}
      {recent.length > 0 && (
        <>
          <h3>Run before</h3>
          <ul>
            {recent.map((one) => (
              <li key={one.started_at}>
                {one.experiment_profile_name} <span className="soft small">{moment(secondsOf(one.started_at))}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
