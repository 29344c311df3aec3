import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const leader = process.env.PIOREACTOR_LEADER ?? "http://127.0.0.1:4999";

const FIRST_PAGE = /ui\/src\/features\/overview\/Overview\.tsx$/;
const FIRST =
  /ui\/src\/(app\/ahead|api\/(client|ini|routes)|charts\/(chosenCharts|wanted)|live\/topics|parts\/(pickExperiment|remembered))\.ts$/;
/** What runs before the page's code may have so many characters, with all that it imports. */
const MAX_FIRST = 20_000;

/** Let browsers run `first.ts` at once, and fetch what it imports beside it. The first page is fetched with the entry. */
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
        const page = chunks.find((one) => one.name === "page");
        if (!page || !html.includes(page.fileName)) throw new Error("the first page would be fetched after the entry");
        return [
          ...first
            .filter((one) => one.isEntry)
            .map((one) => ({
              tag: "script",
              attrs: { type: "module", async: true, crossorigin: true, src: `/${one.fileName}` },
              injectTo: "head-prepend" as const,
            })),
          ...first
            .filter((one) => !one.isEntry && !html.includes(one.fileName))
            .map((one) => ({
              tag: "link",
              attrs: { rel: "modulepreload", crossorigin: true, href: `/${one.fileName}` },
              injectTo: "head" as const,
            })),
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
      // One file for what runs first, and one for the first page with all that it imports: each of forty small files
      // would cost the leader as much as a large one.
      output: {
        codeSplitting: {
          groups: [
            { name: "ahead", test: FIRST, priority: 2 },
            { name: "page", test: FIRST_PAGE, priority: 1 },
          ],
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
