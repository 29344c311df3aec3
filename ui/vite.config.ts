import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const leader = process.env.PIOREACTOR_LEADER ?? "http://127.0.0.1:4999";

const FIRST_PAGE = /\/(features\/overview\/Overview|charts\/Charts)\.tsx$/;
const FIRST =
  /ui\/src\/(app\/ahead|api\/(client|ini|routes)|charts\/(chosenCharts|wanted)|live\/topics|parts\/(pickExperiment|remembered))\.ts$/;
/** What runs before the page's code may have so many characters, with all that it imports. */
const MAX_FIRST = 20_000;

/**
 * Let browsers run `first.ts` at once, and fetch the parts of the overview beside the entry: with all that they import,
 * and not only once the entry runs.
 */
function preloadFirstPage(): Plugin {
  return {
    name: "preload-first-page",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        const chunks = Object.values(bundle ?? {}).filter((one) => one.type === "chunk");
        const withImports = (names: readonly string[]) => {
          const found = new Set(names);
          for (const name of found)
            for (const other of chunks.find((one) => one.fileName === name)?.imports ?? []) found.add(other);
          return chunks.filter((one) => found.has(one.fileName));
        };
        const filesOf = (isWanted: (one: (typeof chunks)[number]) => boolean) =>
          withImports(chunks.filter(isWanted).map((one) => one.fileName));
        const first = filesOf((one) => one.name === "first");
        const size = first.reduce((sum, one) => sum + one.code.length, 0);
        if (size > MAX_FIRST) throw new Error(`first.ts imports ${size} characters of code: it would not be first`);
        const page = filesOf((one) => FIRST_PAGE.test(one.facadeModuleId ?? ""));
        const styles = page.flatMap((one) => [...(one.viteMetadata?.importedCss ?? [])]);
        const link = (rel: string, file: string) => ({
          tag: "link",
          attrs: { rel, crossorigin: true, href: `/${file}` },
          injectTo: "head" as const,
        });
        return [
          ...first
            .filter((one) => one.isEntry)
            .map((one) => ({
              tag: "script",
              attrs: { type: "module", async: true, crossorigin: true, src: `/${one.fileName}` },
              injectTo: "head-prepend" as const,
            })),
          ...[...first.filter((one) => !one.isEntry), ...page]
            .map((one) => one.fileName)
            .filter((file, index, all) => all.indexOf(file) === index && !html.includes(file))
            .map((file) => link("modulepreload", file)),
          ...[...new Set(styles)].filter((file) => !html.includes(file)).map((file) => link("stylesheet", file)),
        ];
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
    rollupOptions: {
      input: ["index.html", "src/first.ts"],
      // One file for what runs first.
      output: {
        codeSplitting: {
          groups: [{ name: "ahead", test: FIRST, priority: 2 }],
        },
      },
    },
    reportCompressedSize: false,
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
  test: {
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}"],
    globals: false,
    // A fresh copy of all modules for each of 80 files takes more time than the tests.
    isolate: false,
  },
}));
