/** Mantine drawn with our tokens. */

import { createTheme, type MantineColorsTuple } from "@mantine/core";

const iris: MantineColorsTuple = [
  "#eeeffc",
  "#dcdef8",
  "#b9bdf0",
  "#969ce9",
  "#7a82e2",
  "#646cda",
  "#4a52c4",
  "#3f46ad",
  "#343a92",
  "#292e76",
];

/** Dark enough that white on it, and it on white, can be read (WCAG AA). */
const red: MantineColorsTuple = [
  "#fdeceb",
  "#fbd9d6",
  "#f5b1ac",
  "#ef8880",
  "#e5635a",
  "#d5443a",
  "#b8281f",
  "#ae231c",
  "#8f1c16",
  "#701510",
];

export const theme = createTheme({
  primaryColor: "iris",
  primaryShade: 6,
  colors: { iris, red },
  fontFamily: "var(--font)",
  fontFamilyMonospace: "var(--mono)",
  defaultRadius: 8,
  cursorType: "pointer",
  respectReducedMotion: true,
  headings: { fontFamily: "var(--font)" },
  components: {
    Button: { defaultProps: { size: "sm" } },
    Modal: { defaultProps: { centered: true, closeButtonProps: { "aria-label": "Close" } } },
    // Without the placeholder the first item has the focus: a menu contains nothing but items.
    Menu: { defaultProps: { shadow: "md", withInitialFocusPlaceholder: false } },
  },
});
