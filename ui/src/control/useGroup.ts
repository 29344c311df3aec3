/** What pages about all units of an experiment ask for: its units, their labels, and the jobs shown to people. */

import { useAssigned, useJobDescriptors, useLabels } from "@/api/queries";

export function useGroup(experiment: string) {
  const assigned = useAssigned(experiment);
  const labels = useLabels(experiment).data ?? {};
  const jobs = useJobDescriptors();
  return { assigned, labels, jobs, shownJobs: (jobs.data ?? []).filter((job) => job.display) };
}
