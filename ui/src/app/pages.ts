/** The pages there are: one list for routes and navigation. */

import type { ComponentType } from "react";
import type { IconName } from "@/parts/icons";
import { lazyPart } from "@/parts/lazyPart";

export interface Page {
  path: string;
  title: string;
  icon: IconName;
  group: "experiment" | "cluster";
  /** In the bottom bar of a phone; the others are behind "More". */
  phone: boolean;
  Component: ComponentType;
}

export const pages: readonly Page[] = [
  {
    path: "/overview",
    title: "Overview",
    icon: "overview",
    group: "experiment",
    phone: true,
    Component: lazyPart(() => import("@/features/overview/Overview")),
  },
  {
    path: "/pioreactors",
    title: "Pioreactors",
    icon: "reactor",
    group: "experiment",
    phone: true,
    Component: lazyPart(() => import("@/features/pioreactors/Pioreactors")),
  },
  {
    path: "/experiment-profiles",
    title: "Profiles",
    icon: "profile",
    group: "experiment",
    phone: false,
    Component: lazyPart(() => import("@/features/profiles/Profiles")),
  },
  {
    path: "/cameras",
    title: "Cameras",
    icon: "camera",
    group: "experiment",
    phone: false,
    Component: lazyPart(() => import("@/features/cameras/Cameras")),
  },
  {
    path: "/logs",
    title: "Events",
    icon: "events",
    group: "experiment",
    phone: true,
    Component: lazyPart(() => import("@/features/events/Events")),
  },
  {
    path: "/experiments",
    title: "Experiments",
    icon: "flask",
    group: "cluster",
    phone: false,
    Component: lazyPart(() => import("@/features/experiments/Experiments")),
  },
  {
    path: "/inventory",
    title: "Inventory",
    icon: "inventory",
    group: "cluster",
    phone: false,
    Component: lazyPart(() => import("@/features/inventory/Inventory")),
  },
  {
    path: "/calibrations",
    title: "Calibrations",
    icon: "curve",
    group: "cluster",
    phone: false,
    Component: lazyPart(() => import("@/features/calibrations/Calibrations")),
  },
  {
    path: "/export",
    title: "Export",
    icon: "download",
    group: "cluster",
    phone: false,
    Component: lazyPart(() => import("@/features/export/Export")),
  },
  {
    path: "/import",
    title: "Import",
    icon: "upload",
    group: "cluster",
    phone: false,
    Component: lazyPart(() => import("@/features/import/Import")),
  },
  {
    path: "/config",
    title: "Configuration",
    icon: "configuration",
    group: "cluster",
    phone: false,
    Component: lazyPart(() => import("@/features/configuration/Configuration")),
  },
  {
    path: "/system",
    title: "System",
    icon: "system",
    group: "cluster",
    phone: false,
    Component: lazyPart(() => import("@/features/system/System")),
  },
  {
    path: "/people",
    title: "People",
    icon: "person",
    group: "cluster",
    phone: false,
    Component: lazyPart(() => import("@/features/people/People")),
  },
  {
    path: "/plugins",
    title: "Plugins",
    icon: "plugin",
    group: "cluster",
    phone: false,
    Component: lazyPart(() => import("@/features/plugins/Plugins")),
  },
  {
    path: "/updates",
    title: "Updates",
    icon: "update",
    group: "cluster",
    phone: false,
    Component: lazyPart(() => import("@/features/updates/Updates")),
  },
  {
    path: "/tokens",
    title: "Tokens",
    icon: "key",
    group: "cluster",
    phone: false,
    Component: lazyPart(() => import("@/features/tokens/Tokens")),
  },
];

/** Return the page of an address, or undefined. */
export const pageAt = (pathname: string): Page | undefined =>
  pages.find(({ path }) => pathname === path || pathname.startsWith(`${path}/`));
