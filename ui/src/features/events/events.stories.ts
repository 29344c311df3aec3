import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "the events of an experiment",
    path: "/logs",
    heading: "Events",
    shows: ["Changed the media bottle; new batch 22-11."],
  },
  {
    name: "the warnings of a unit",
    path: "/logs?unit=reactor-02&level=WARNING",
    heading: "Events",
    shows: [/Measured RPM/],
  },
  {
    name: "the events of the units themselves",
    path: "/logs?scope=cluster",
    heading: "Events",
    shows: [/reactor-\d\d|leader/],
  },
  { name: "the events of a unit itself", path: "/logs?scope=cluster&unit=reactor-01", heading: "Events" },
  { name: "all events", path: "/logs?scope=everything", heading: "Events", shows: [/Changed the media bottle/] },
  {
    name: "all events of a unit",
    path: "/logs?scope=everything&unit=reactor-01",
    heading: "Events",
    shows: [/Changed the media bottle/],
  },
];
