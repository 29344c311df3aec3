import { expect, it, vi } from "vitest";
import { loadPart, preloadablePart } from "./lazyPart";

const Page = () => null;
const failing = () => vi.fn(() => Promise.reject(new TypeError("Failed to fetch dynamically imported module")));

it("loads again what failed once", async () => {
  const reload = vi.fn();
  const load = vi.fn().mockRejectedValueOnce(new TypeError("cut")).mockResolvedValue("part");
  expect(await loadPart(load, { ageMs: () => 60_000, reload })).toBe("part");
  expect(reload).not.toHaveBeenCalled();
});

it("reloads the page when a part of its release is gone", async () => {
  const reload = vi.fn();
  void loadPart(failing(), { ageMs: () => 60_000, reload });
  await vi.waitFor(() => expect(reload).toHaveBeenCalledOnce());
});

it("does not reload a page that has just been loaded", async () => {
  const reload = vi.fn();
  await expect(loadPart(failing(), { ageMs: () => 900, reload })).rejects.toThrow("Failed to fetch");
  expect(reload).not.toHaveBeenCalled();
});

it("shows at once what was loaded before", async () => {
  const part = preloadablePart(async () => ({ default: Page }));
  expect(part.loaded).toBeUndefined();
  await part.preload();
  expect(part.loaded).toBe(Page);
});

it("leaves a part that cannot be loaded ahead to the page that shows it", async () => {
  const part = preloadablePart(failing());
  await part.preload();
  expect(part.loaded).toBeUndefined();
});
