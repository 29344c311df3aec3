/** The icons of the panel: 20 × 20, one stroke, the color of the text around them. */

import type { ReactNode } from "react";

const shapes = {
  starting: <path d="M10 3a7 7 0 1 1-6.6 4.7" />,
  on: <path d="M7 4.8v10.4L15.4 10z" fill="currentColor" stroke="none" />,
  paused: <path d="M7.2 5v10M12.8 5v10" strokeWidth="2.6" />,
  off: <circle cx="10" cy="10" r="5" />,
  lost: <path d="M10 3 18 16.5H2zM10 8.2v3.8M10 14.2v.2" />,
  overview: <path d="M3 3h6v6H3zM11 3h6v4h-6zM11 9h6v8h-6zM3 11h6v6H3z" />,
  reactor: <path d="M6 3h8M7.2 3v11.2a2.8 2.8 0 0 0 5.6 0V3M7.2 9.5h5.6" />,
  events: <path d="M4 5h12M4 10h12M4 15h7" />,
  profile: <path d="M4 4v12M4 6h8M4 10h12M4 14h6" />,
  flask: <path d="M8 3h4M8.7 3v5L4.4 15.2A1.2 1.2 0 0 0 5.4 17h9.2a1.2 1.2 0 0 0 1-1.8L11.3 8V3M6.5 12h7" />,
  inventory: <path d="M3 6.5 10 3l7 3.5v7L10 17l-7-3.5zM3 6.5l7 3.5 7-3.5M10 10v7" />,
  configuration: <path d="M4 6h6M14 6h2M4 14h2M10 14h6M12 4v4M8 12v4" />,
  sun: (
    <path d="M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 2v1.6M10 16.4V18M2 10h1.6M16.4 10H18M4.3 4.3l1.2 1.2M14.5 14.5l1.2 1.2M4.3 15.7l1.2-1.2M14.5 5.5l1.2-1.2" />
  ),
  moon: <path d="M16 11.8A6.6 6.6 0 0 1 8.2 4a6.6 6.6 0 1 0 7.8 7.8z" />,
  person: <path d="M10 10a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM3.8 17a6.2 6.2 0 0 1 12.4 0" />,
  live: (
    <path d="M10 11.2a1.2 1.2 0 1 0 0-2.4 1.2 1.2 0 0 0 0 2.4zM6.6 13.4a4.8 4.8 0 0 1 0-6.8M13.4 6.6a4.8 4.8 0 0 1 0 6.8M4.2 15.8a8.2 8.2 0 0 1 0-11.6M15.8 4.2a8.2 8.2 0 0 1 0 11.6" />
  ),
  broken: (
    <path d="M3 3l14 14M6.6 13.4a4.8 4.8 0 0 1-.6-6M13.4 6.6a4.8 4.8 0 0 1 .6 6M4.2 15.8a8.2 8.2 0 0 1-.6-10.4M15.8 4.2a8.2 8.2 0 0 1 .6 10.4" />
  ),
  camera: <path d="M3 6.5h3L7.4 4.5h5.2L14 6.5h3v9H3zM10 8.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z" />,
  chevron: <path d="M5.5 8 10 12.5 14.5 8" />,
  right: <path d="M8 5.5 12.5 10 8 14.5" />,
  dots: <path d="M4.5 10h.01M10 10h.01M15.5 10h.01" strokeWidth="2.8" />,
  plus: <path d="M10 4v12M4 10h12" />,
  edit: <path d="M4 16l.8-3.4L13 4.4l2.6 2.6-8.2 8.2zM11.4 6l2.6 2.6" />,
  check: <path d="M4.5 10.5 8.3 14 15.5 6.5" />,
  cross: <path d="M5 5l10 10M15 5 5 15" />,
  clock: <path d="M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 6.2V10l2.6 1.6" />,
  upload: <path d="M10 12.4V3.4M6.2 7 10 3.2 13.8 7M4 16.5h12" />,
  download: <path d="M10 3v9M6.2 8.6 10 12.4l3.8-3.8M4 16.5h12" />,
  update: <path d="M10 16.5V7.4M6.2 11 10 7.2l3.8 3.8M4 3.5h12" />,
  stop: <path d="M5.5 5.5h9v9h-9z" fill="currentColor" stroke="none" />,
  drop: <path d="M10 3.2c2.6 3.3 4.4 5.6 4.4 8a4.4 4.4 0 0 1-8.8 0c0-2.4 1.8-4.7 4.4-8z" />,
  bulb: <path d="M7.6 14.2h4.8M8.2 16.8h3.6M10 3a5 5 0 0 0-3 9c.5.4.8 1 .8 1.6h4.4c0-.6.3-1.2.8-1.6a5 5 0 0 0-3-9z" />,
  zoomOut: <path d="M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM13 13l4 4M6.5 9h5" />,
  control: <path d="M10 3.2v6M6 5.2a6.4 6.4 0 1 0 8 0" />,
  curve: <path d="M3 3v14h14M5.5 14C8 13 9 6 16 5" />,
  system: <path d="M3 4h14v5H3zM3 11h14v5H3zM6 6.5h.01M6 13.5h.01" />,
  key: <path d="M9.5 10a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM9.5 10H17M14 10v2.6M17 10v2.6" />,
  plugin: <path d="M3.5 7h3.2a2 2 0 1 1 3.6 0h3.2v3.2a2 2 0 1 1 0 3.6V17h-10z" />,
  copy: <path d="M7 7h9v9H7zM4 13V4h9" />,
  help: <path d="M7.4 7.4a2.7 2.7 0 1 1 3.9 2.5c-.9.4-1.3 1-1.3 1.9v.4M10 15v.2" />,
  bell: <path d="M5 14V9a5 5 0 0 1 10 0v5l1.4 1.6H3.6zM8.4 17.6h3.2" />,
  search: <path d="M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM13 13l4 4" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof shapes;

export function Icon({ name, size = 18, spin = false }: { name: IconName; size?: number; spin?: boolean }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className={spin ? "spin" : undefined}
      style={{ flex: "none", display: "block" }}
    >
      {shapes[name]}
    </svg>
  );
}
