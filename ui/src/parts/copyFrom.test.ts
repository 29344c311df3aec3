// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from "vitest";
import { copyFrom } from "./copyFrom";

afterEach(() => vi.unstubAllGlobals());

it("copies where a page over plain HTTP has no clipboard", async () => {
  const field = document.createElement("input");
  field.value = "secret";
  vi.stubGlobal("navigator", {});
  document.execCommand = vi.fn(() => true);
  expect(await copyFrom(field)).toBe(true);
  expect(document.execCommand).toHaveBeenCalledWith("copy");
  document.execCommand = vi.fn(() => {
    throw new Error("not allowed");
  });
  expect(await copyFrom(field)).toBe(false);
});

it("copies with the clipboard where there is one", async () => {
  const writeText = vi.fn(() => Promise.resolve());
  vi.stubGlobal("navigator", { clipboard: { writeText } });
  const field = document.createElement("input");
  field.value = "secret";
  expect(await copyFrom(field)).toBe(true);
  expect(writeText).toHaveBeenCalledWith("secret");
});
