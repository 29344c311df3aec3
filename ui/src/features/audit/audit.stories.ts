import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "who changed what",
    path: "/audit",
    heading: "Audit trail",
    shows: ["pioreactor", "set target_rpm 500 of stirring on reactor-01", "Refused", "token nightly export"],
  },
];
