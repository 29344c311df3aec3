import { expect, it } from "vitest";
import type { HomeAssistantStatus } from "@/api/types";
import { described } from "./homeAssistantText";

const ON: HomeAssistantStatus = {
  enabled: true,
  token: null,
  commands_by: null,
  broker_address: "leader.local",
  broker_port: 1883,
  username: "home-assistant",
  has_account: true,
  password: null,
};

it("says where Home Assistant connects to and who it acts for", () => {
  expect(described({ ...ON, enabled: false })).toBe("Units are not announced to Home Assistant.");
  expect(described(ON)).toMatch(/leader.local, port 1883, as home-assistant. It only reads.$/);
  expect(described({ ...ON, token: "abc", commands_by: "ana" })).toMatch(/for ana.$/);
  expect(described({ ...ON, token: "abc" })).toMatch(/expired or was revoked.$/);
  expect(described({ ...ON, has_account: false })).toMatch(/managed elsewhere/);
});
