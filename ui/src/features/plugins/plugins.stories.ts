import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "plugins of a cluster",
    path: "/plugins",
    heading: "Plugins",
    shows: ["gas-sensor", /restart needed/, "pump_alarm.py", /its import ended 2 processes/, "Add plugin", "Update"],
  },
];
