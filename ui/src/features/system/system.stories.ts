import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "machines of the cluster",
    path: "/system",
    heading: "System",
    shows: ["leader", /GB free/, "Set clocks", /Not synchronized/],
    alerts: [/reactor-05 cannot be reached/],
  },
];
