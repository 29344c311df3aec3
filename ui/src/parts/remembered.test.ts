import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { recall, remember } from "./remembered";

afterEach(() => vi.unstubAllGlobals());

it("keeps values where site storage is blocked", () => {
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get() {
      throw new DOMException("Access is denied for this document.", "SecurityError");
    },
  });
  expect(recall("a")).toBeUndefined();
  remember("a", "1");
  expect(recall("a")).toBe("1");
  remember("a", undefined);
  expect(recall("a")).toBeUndefined();
  Reflect.deleteProperty(globalThis, "localStorage");
});

it("keeps values where site storage is full", () => {
  const full = {
    getItem: () => null,
    setItem: () => {
      throw new DOMException("full", "QuotaExceededError");
    },
  };
  vi.stubGlobal("localStorage", full);
  remember("b", "2");
  expect(recall("b")).toBe("2");
});

it("is the only module that names the browser's storage", () => {
  const folder = join(import.meta.dirname, "..");
  const others = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) =>
      /\.tsx?$/.test(name) &&
      !/(\.test\.ts|parts[/\\]remembered\.ts|stories[/\\]render\.ts)$/.test(name) &&
      /\b(local|session)Storage\b/.test(readFileSync(join(folder, name), "utf8")),
  );
  expect(others).toEqual([]);
});
