// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from "vitest";
import { copyFrom, usage } from "./tokens";

const token = {
  id: "0123456789ab",
  name: "plots",
  username: "ada",
  created_at: "2026-11-01T10:00:00.000Z",
  expires_at: null,
  last_used_at: null,
};

afterEach(() => vi.unstubAllGlobals());

it("says whether a token is used and expires", () => {
  expect(usage(token)).toMatch(/^created .+ · never used · does not expire$/);
  const used = { ...token, last_used_at: "2026-11-02T10:00:00.000Z", expires_at: "2026-12-01T10:00:00.000Z" };
  expect(usage(used)).toMatch(/last used .+ · expires /);
});

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
