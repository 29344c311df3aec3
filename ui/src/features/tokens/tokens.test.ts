import { expect, it } from "vitest";
import { budgetOf, NO_BUDGET, usage } from "./tokens";

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

it("sends the limits of an agent that were filled in, zero included", () => {
  expect(budgetOf(NO_BUDGET)).toBeNull();
  expect(budgetOf({ ...NO_BUDGET, media_ml: "2.5", acts_per_hour: "0" })).toEqual({ media_ml: 2.5, acts_per_hour: 0 });
});

it("says the limits of an agent", () => {
  const rights = { role: "operator" as const, units: ["worker1"], experiments: null, areas: null, is_agent: true };
  expect(usage({ ...token, rights: { ...rights, budget: { media_ml: 5, acts_per_hour: 10 } } })).toContain(
    "agent, at most 5 mL, 10 changes in an hour",
  );
});
