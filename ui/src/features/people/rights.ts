/** Roles and limits in words, and as the leader takes them. */

import type { Area, Person, Role } from "@/api/types";

export const ROLES: readonly { value: Role; label: string }[] = [
  { value: "viewer", label: "Viewer: sees everything, changes nothing" },
  { value: "operator", label: "Operator: works with units and experiments" },
  { value: "manager", label: "Manager: also runs the cluster" },
];

const KNOWN_AREAS: Record<Area, true> = {
  experiments: true,
  units: true,
  calibrations: true,
  profiles: true,
  cameras: true,
  alarms: true,
  cluster: true,
  people: true,
};

/** Parts of the API to which a token can be limited. */
export const AREAS = Object.keys(KNOWN_AREAS);

/** Names to which changes are limited; null: no limit. */
export type Limit = readonly string[] | null;

/** "operator of reactor-01, reactor-02; experiment A" */
export function described({ role, units, experiments }: Pick<Person, "role" | "units" | "experiments">): string {
  const limits = [
    units == null ? undefined : units.join(", ") || "no unit",
    experiments == null ? undefined : `experiment ${experiments.join(", ") || "of none"}`,
  ].filter((limit) => limit !== undefined);
  return limits.length === 0 ? role : `${role} of ${limits.join("; ")}`;
}
