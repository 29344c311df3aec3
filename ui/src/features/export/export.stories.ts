import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "datasets and archives",
    path: "/export",
    heading: "Export",
    shows: [
      "Optical density",
      "Export 0 datasets",
      "export_demo_20261128231100.zip",
      "3.7 MB",
      "Imported from another cluster",
      "config/config.ini",
    ],
  },
  {
    name: "an export to a USB drive",
    path: "/export?usb",
    heading: "Export",
    shows: ["Also to the USB drive of the leader"],
  },
];
