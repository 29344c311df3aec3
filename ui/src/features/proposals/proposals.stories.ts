import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "what agents propose",
    path: "/proposals",
    heading: "Proposals",
    shows: ["run_add_media unit reactor-01, experiment Demo, ml 1", /carried out/],
  },
];
