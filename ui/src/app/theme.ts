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

export const theme = createTheme({
  primaryColor: "iris",
  primaryShade: 6,
  colors: { iris },
  fontFamily: "var(--font)",
  fontFamilyMonospace: "var(--mono)",
  defaultRadius: 8,
  cursorType: "pointer",
  respectReducedMotion: true,
  headings: { fontFamily: "var(--font)" },
  components: {
    Button: { defaultProps: { size: "sm" } },
    Modal: { defaultProps: { centered: true, closeButtonProps: { "aria-label": "Close" } } },
    Menu: { defaultProps: { shadow: "md" } },
  },
});
