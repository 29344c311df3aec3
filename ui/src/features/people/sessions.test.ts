import { expect, it } from "vitest";
import { seen } from "./sessions";

const session = { id: "1", username: "ada", expires_at: "2027-01-01T00:00:00.000Z", browser: "", is_own: false };

it("says where and when", () => {
  const at = "2026-11-29T10:00:00.000Z";
  expect(seen({ ...session, address: "10.0.0.7", opened_at: at, last_seen_at: at })).toMatch(
    /^from 10\.0\.0\.7 · since .+2026.+ · last seen .+2026/,
  );
});

it("says little about the session of an earlier version", () => {
  expect(seen({ ...session, address: "", opened_at: null, last_seen_at: null })).toBe("not seen lately");
});
