import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "versions of a cluster and an archive",
    path: "/updates",
    heading: "Updates",
    shows: [
      "27.1.0",
      /Trying it on a copy of the data/,
      /signature is good/,
      "Upload archive",
      "Firmware of 27.1.0",
      "Download 27.2.0",
      /keeps|failed/,
    ],
  },
];
