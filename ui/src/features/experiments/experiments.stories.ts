import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  { name: "three experiments", path: "/experiments", heading: "Experiments", shows: ["Media screen", "adaptation"] },
  {
    name: "two experiments side by side",
    path: "/experiments/compare?a=demo&b=Media screen",
    heading: "Compare experiments",
    shows: ["Solid lines", "Optical density", "Wild type A", "nothing measured"],
  },
];
