import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const leader = process.env.PIOREACTOR_LEADER ?? "http://127.0.0.1:4999";

const FIRST_PAGE = /\/(features\/overview\/Overview|charts\/Charts)\.tsx$/;

/** Let browsers fetch the parts of the overview beside the entry, and not only once that runs. */
function preloadFirstPage(): Plugin {
  return {
    name: "preload-first-page",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        const files = Object.values(bundle ?? {}).flatMap((one) =>
          one.type === "chunk" && one.isDynamicEntry && FIRST_PAGE.test(one.facadeModuleId ?? "")
            ? [one.fileName, ...one.imports]
            : [],
        );
        return [...new Set(files)]
          .filter((file) => !html.includes(file))
          .map((file) => ({ tag: "link", attrs: { rel: "modulepreload", crossorigin: true, href: `/${file}` } }));
      },
    },
  };
}

export default defineConfig(({ mode }) => ({
  plugins: [react(), preloadFirstPage()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: mode === "demo" ? "dist" : "../src/pioreactor/web/static",
    emptyOutDir: true,
    target: "es2022",
    reportCompressedSize: true,
    chunkSizeWarningLimit: 600,
  },
  server: {
    port: 3000,
    proxy: Object.fromEntries(
      ["/api", "/unit_api", "/auth", "/exports", "/mqtt"].map((path) => [
        path,
        { target: leader, ws: path === "/mqtt" },
      ]),
    ),
  },
  test: { environment: "node", include: ["src/**/*.test.{ts,tsx}"], globals: false },
}));
