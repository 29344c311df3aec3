/** The pages there are: one list for routes and navigation. */

import { useWaitingProposals } from "@/features/proposals/waiting";
import type { IconName } from "@/parts/icons";
import { type Part, preloadablePart } from "@/parts/lazyPart";

export interface Page {
  path: string;
  title: string;
  icon: IconName;
  group: "experiment" | "cluster";
  /** In the bottom bar of a phone; the others are behind "More". */
  phone: boolean;
  /** How many things wait there for a person. */
  useWaiting?: () => number;
  part: Part;
}

/** Where the root leads. */
export const HOME = "/overview";

export const pages: readonly Page[] = [
  {
    path: HOME,
    title: "Overview",
    icon: "overview",
    group: "experiment",
    phone: true,
    part: preloadablePart(() => import("@/features/overview/Overview")),
  },
  {
    path: "/pioreactors",
    title: "Pioreactors",
    icon: "reactor",
    group: "experiment",
    phone: true,
    part: preloadablePart(() => import("@/features/pioreactors/Pioreactors")),
  },
  {
    path: "/experiment-profiles",
    title: "Profiles",
    icon: "profile",
    group: "experiment",
    phone: false,
    part: preloadablePart(() => import("@/features/profiles/Profiles")),
  },
  {
    path: "/campaigns",
    title: "Campaigns",
    icon: "curve",
    group: "experiment",
    phone: false,
    part: preloadablePart(() => import("@/features/campaigns/Campaigns")),
  },
  {
    path: "/cameras",
    title: "Cameras",
    icon: "camera",
    group: "experiment",
    phone: false,
    part: preloadablePart(() => import("@/features/cameras/Cameras")),
  },
  {
    path: "/logs",
    title: "Events",
    icon: "events",
    group: "experiment",
    phone: true,
    part: preloadablePart(() => import("@/features/events/Events")),
  },
  {
    path: "/alarms",
    title: "Alarms",
    icon: "bell",
    group: "cluster",
    phone: false,
    part: preloadablePart(() => import("@/features/alarms/AlarmsPage")),
  },
  {
    path: "/proposals",
    title: "Proposals",
    icon: "check",
    group: "cluster",
    phone: false,
    useWaiting: useWaitingProposals,
    part: preloadablePart(() => import("@/features/proposals/Proposals")),
  },
  {
    path: "/experiments",
    title: "Experiments",
    icon: "flask",
    group: "cluster",
    phone: false,
    part: preloadablePart(() => import("@/features/experiments/Experiments")),
  },
  {
    path: "/inventory",
    title: "Inventory",
    icon: "inventory",
    group: "cluster",
    phone: false,
    part: preloadablePart(() => import("@/features/inventory/Inventory")),
  },
  {
    path: "/calibrations",
    title: "Calibrations",
    icon: "curve",
    group: "cluster",
    phone: false,
    part: preloadablePart(() => import("@/features/calibrations/Calibrations")),
  },
  {
    path: "/export",
    title: "Export",
    icon: "download",
    group: "cluster",
    phone: false,
    part: preloadablePart(() => import("@/features/export/Export")),
  },
  {
    path: "/import",
    title: "Import",
    icon: "upload",
    group: "cluster",
    phone: false,
    part: preloadablePart(() => import("@/features/import/Import")),
  },
  {
    path: "/config",
    title: "Configuration",
    icon: "configuration",
    group: "cluster",
    phone: false,
    part: preloadablePart(() => import("@/features/configuration/Configuration")),
  },
  {
    path: "/system",
    title: "System",
    icon: "system",
    group: "cluster",
    phone: false,
    part: preloadablePart(() => import("@/features/system/System")),
  },
  {
    path: "/people",
    title: "People",
    icon: "person",
    group: "cluster",
    phone: false,
    part: preloadablePart(() => import("@/features/people/People")),
  },
  {
    path: "/plugins",
    title: "Plugins",
    icon: "plugin",
    group: "cluster",
    phone: false,
    part: preloadablePart(() => import("@/features/plugins/Plugins")),
  },
  {
    path: "/updates",
    title: "Updates",
    icon: "update",
    group: "cluster",
    phone: false,
    part: preloadablePart(() => import("@/features/updates/Updates")),
  },
  {
    path: "/tokens",
    title: "Tokens",
    icon: "key",
    group: "cluster",
    phone: false,
    part: preloadablePart(() => import("@/features/tokens/Tokens")),
  },
  {
    path: "/audit",
    title: "Audit trail",
    icon: "events",
    group: "cluster",
    phone: false,
    part: preloadablePart(() => import("@/features/audit/AuditTrail")),
  },
];

/** Return the page of an address, or undefined. */
export const pageAt = (pathname: string): Page | undefined =>
  pages.find(({ path }) => pathname === path || pathname.startsWith(`${path}/`));

/** Load the page of an address. */
export const preloadPage = async (pathname: string): Promise<void> =>
  pageAt(pathname === "/" ? HOME : pathname)?.part.preload();
