import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "machines of the cluster",
    path: "/system",
    heading: "System",
    shows: [
      "leader",
      /GB free/,
      "Set clocks",
      "until 2049-12-31",
      "pio database move postgresql://USER@HOST/DATABASE",
      /Not synchronized/,
    ],
    alerts: [/reactor-05 cannot be reached/],
  },
  {
    name: "USB drives of the machines",
    path: "/system?usb=mounted",
    heading: "System",
    shows: [/LAB, vfat, 9.2 GB of 16.0 GB free, mounted/, "Eject"],
    alerts: [/reactor-05 cannot be reached/],
  },
];
