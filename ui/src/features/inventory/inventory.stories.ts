import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "the units of the cluster",
    path: "/inventory",
    heading: "Inventory",
    shows: ["reactor-06", /Pioreactor 20/i],
  },
];
