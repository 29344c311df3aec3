import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "the configuration of the cluster",
    path: "/config",
    heading: "Configuration",
    shows: [/leader_hostname/, /Version 3/, "Waiting", /It is sent when the unit/],
  },
  {
    name: "the configuration of a unit",
    path: "/config?unit=reactor-01",
    heading: "Configuration",
    shows: ["Version 2 of its own configuration. The unit has it."],
  },
];
