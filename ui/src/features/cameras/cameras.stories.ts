import type { Story } from "@/stories/story";

export const stories: readonly Story[] = [
  { name: "vials side by side", path: "/cameras", heading: "Cameras", shows: ["Newest stills", "Take a still"] },
  {
    name: "stills of one unit",
    path: "/cameras/reactor-01",
    heading: /^Stills of /,
    shows: ["All cameras", /\d+ stills/, "Pinned", "By hand", "Stills by schedule", "Live view", "Lens position"],
  },
];
