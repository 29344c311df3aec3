import { expect, it } from "vitest";
import { outlineOf } from "./qrCode";

it("draws runs of dark modules", () => {
  expect(outlineOf(["0110", "1000"])).toBe("M1 0h2v1h-2zM0 1h1v1h-1z");
});
