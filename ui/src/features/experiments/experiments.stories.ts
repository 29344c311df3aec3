import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  { name: "three experiments", path: "/experiments", heading: "Experiments", shows: ["Media screen", "adaptation"] },
];
