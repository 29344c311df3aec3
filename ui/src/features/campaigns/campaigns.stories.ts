import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "a campaign over two factors",
    path: "/campaigns",
    heading: "Campaigns",
    shows: ["Best setting tried: temperature 36 °C, media 0.6", /expected improvement/, "warm and starved"],
  },
];
