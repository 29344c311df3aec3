import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const leader = process.env.PIOREACTOR_LEADER ?? "http://127.0.0.1:4999";

export default defineConfig(({ mode }) => ({
  plugins: [react()],
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
