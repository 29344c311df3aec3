import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "people who may sign in",
    path: "/people",
    heading: "People",
    shows: [
      "ada",
      "(you)",
      "operator of reactor-01, reactor-02",
      "Change password",
      "Sign-ins",
      "Ana, rotation student",
      /pio people password/,
    ],
  },
];
