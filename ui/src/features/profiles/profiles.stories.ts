import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  { name: "a profile and its runs", path: "/experiment-profiles", heading: "Profiles", shows: ["Grow, then hold"] },
];
