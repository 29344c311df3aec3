import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "an experiment on six units",
    path: "/overview",
    heading: "demo",
    shows: ["Wild type A", "6 units", /OD, uncalibrated\s*[\d.]+/, /\d\d\.\d °C/, "All data saved", "Optical density"],
  },
  {
    name: "an experiment without units",
    path: "/overview?experiment=Media screen",
    heading: "Media screen",
    shows: ["No unit is assigned to this experiment."],
  },
  {
    name: "the checklist for the first day",
    path: "/overview/first-day",
    heading: "First day",
    shows: ["steps done", "Each unit has its model", "Missing on", "Run the self-test", "Measure the blank"],
  },
  { name: "an address below it that no page has", path: "/overview/nothing", heading: "Page not found" },
];
