import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "all units",
    path: "/pioreactors",
    heading: "Pioreactors",
    shows: ["6 active units in this experiment", "Wild type B"],
  },
  {
    name: "a unit whose turbidostat doses",
    path: "/pioreactors/reactor-01",
    heading: /Wild type A/,
    shows: [/\d\.\d\d ± 0\.\d\d \/h/, "The media pump moves 4 % less than calibrated (± 2 %).", "Self-test"],
  },
  {
    name: "a unit that came back paused",
    path: "/pioreactors/reactor-02",
    heading: /Wild type B/,
    shows: ["Dosing came back paused after a power cut."],
  },
  { name: "a lost unit", path: "/pioreactors/reactor-05", heading: /reactor-05/, shows: ["Lost"] },
];
