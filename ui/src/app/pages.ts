/** The pages there are: one list for routes and navigation. */

import { lazy, type ComponentType } from "react";
import type { IconName } from "@/parts/icons";

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
  { path: "/overview", title: "Overview", icon: "overview", group: "experiment", phone: true, Component: lazy(() => import("@/features/overview/Overview")) },
];
