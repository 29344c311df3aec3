/** What the person who is signed in may change, by the rule of the leader, which checks it again. */

import type { Method } from "./client";
import { CHECKS_LIMITS_ITSELF, ROLE_OF } from "./routeRights";
import type { Me } from "./types";

/** A request that changes something. */
export type Call = readonly [method: Method, path: string];
export type Rights = NonNullable<Me["rights"]>;

const ROLES = ["viewer", "operator", "manager"];
/** Jobs that run on one unit and command others. */
const OF_ALL_UNITS = ["experiment_profile"];
const EVERYONE = "$broadcast";

interface Route {
  name: string;
  pattern: RegExp;
  parameters: string[];
}

const parametersOf = (name: string): string[] => [...name.matchAll(/\{(\w+)\}/g)].map(([, key]) => key ?? "");

/** Every changing route, those with fewer parameters first: a fixed segment counts before a parameter. */
let routes: Route[] | undefined;
const allRoutes = (): Route[] => {
  routes ??= Object.keys(ROLE_OF)
    .map((name) => ({
      name,
      pattern: new RegExp(`^${name.replaceAll("$", "\\$").replace(/\{\w+\}/g, "([^/]*)")}$`),
      parameters: parametersOf(name),
    }))
    .sort((one, other) => one.parameters.length - other.parameters.length);
  return routes;
};

/** Return the route of a request with its parameters; throws for a request that no route takes. */
export function routeOf([method, path]: Call): { name: string; parameters: Record<string, string> } {
  const asked = `${method} ${path.split("?")[0]}`;
  for (const { name, pattern, parameters } of allRoutes()) {
    const match = pattern.exec(asked);
    if (match) {
      const values = match.slice(1).map(decodeURIComponent);
      return { name, parameters: Object.fromEntries(parameters.map((key, i) => [key, values[i] ?? ""])) };
    }
  }
  throw new Error(`No route takes ${asked}.`);
}

/** Whether the limits of a person can only be compared when it is known to which experiment a unit is assigned. */
export const needsAssignments = (rights: Rights | null | undefined): boolean => rights?.experiments != null;

/** Return why the leader would refuse a request, in words for a person; undefined when it would not. */
export function refusalOf(
  rights: Rights | null | undefined,
  call: Call,
  experimentOf: (unit: string) => string | undefined,
): string | undefined {
  if (!rights) return undefined;
  const { name, parameters } = routeOf(call);
  const { unit, experiment = unit === undefined ? undefined : experimentOf(unit), job = "" } = parameters;
  const role = ROLE_OF[name] ?? "manager";
  if (ROLES.indexOf(rights.role ?? "viewer") < ROLES.indexOf(role)) {
    const on = unit === undefined ? "" : ` on ${unit === EVERYONE ? "all units" : unit}`;
    return `Needs the role ${role}${on}; ask a manager.`;
  }
  // Of a request to `/unit_api`, which is the leader's own, the leader alone knows the unit.
  if (role === "viewer" || CHECKS_LIMITS_ITSELF.has(name)) return undefined;
  const isOwn = unit === undefined && name.includes(" /unit_api/");
  const units = OF_ALL_UNITS.includes(job) || !isOwn ? rights.units : undefined;
  if (units && (OF_ALL_UNITS.includes(job) || !units.includes(unit ?? ""))) return limitedTo("units", units);
  if (!isOwn && rights.experiments && !rights.experiments.includes(experiment ?? ""))
    return limitedTo("experiments", rights.experiments);
  return undefined;
}

const limitedTo = (what: string, names: readonly string[]): string =>
  `Your changes are limited to the ${what} ${names.join(", ") || "of an empty list"}; ask a manager.`;
