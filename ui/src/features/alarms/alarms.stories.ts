import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "open alarms",
    path: "/alarms",
    heading: "Alarms",
    shows: [
      "Unit is lost",
      "1204 records have waited",
      "acknowledged by ada: “tube is on order”",
      "Acknowledge",
      "Shelve",
    ],
  },
  { name: "history of alarms", path: "/alarms?show=history", heading: "Alarms", shows: ["What happened"] },
  {
    name: "rules of alarms",
    path: "/alarms?show=rules",
    heading: "Alarms",
    shows: ["Stir bar does not turn", "made by ada", "Change", "Add rule"],
  },
  {
    name: "channels of alarms",
    path: "/alarms?show=channels",
    heading: "Alarms",
    shows: ["phone", "quiet from 22:00 to 07:00", "Send test message", /sent/],
  },
];
