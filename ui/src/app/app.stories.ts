import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  { name: "no one is signed in", path: "/overview", heading: /sign in|pioreactor/i, signedOut: true },
];
