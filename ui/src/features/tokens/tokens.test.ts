import { expect, it } from "vitest";
import { usage } from "./tokens";

const token = {
  id: "0123456789ab",
  name: "plots",
  username: "ada",
  created_at: "2026-11-01T10:00:00.000Z",
  expires_at: null,
  last_used_at: null,
};

it("says whether a token is used and expires", () => {
  expect(usage(token)).toMatch(/^created .+ · never used · does not expire$/);
  const used = { ...token, last_used_at: "2026-11-02T10:00:00.000Z", expires_at: "2026-12-01T10:00:00.000Z" };
  expect(usage(used)).toMatch(/last used .+ · expires /);
});
