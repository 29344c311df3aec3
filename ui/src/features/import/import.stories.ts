import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  {
    name: "an import that can be undone",
    path: "/import",
    heading: "Import",
    shows: [
      "Send an archive",
      "Last import",
      "Undo this import…",
      "/media/usb/sda1/.pioreactor",
      "An experiment of another cluster",
    ],
  },
];
