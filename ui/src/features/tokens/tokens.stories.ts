import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "tokens of scripts",
    path: "/tokens",
    heading: "Tokens",
    shows: ["growth plots", /last used/, "nightly export", /never used/, "Revoke"],
  },
];
