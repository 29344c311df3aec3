import type { HomeAssistantStatus } from "@/api/types";

/** What Home Assistant sees and may do, in a sentence or two. */
export function described(status: HomeAssistantStatus): string {
  if (!status.enabled) return "Units are not announced to Home Assistant.";
  const account = status.has_account
    ? `as ${status.username}`
    : "with an account that you make, as its accounts are managed elsewhere";
  const where = `It connects to the broker at ${status.broker_address}, port ${status.broker_port}, ${account}.`;
  if (status.commands_by) return `${where} It changes settings for ${status.commands_by}.`;
  return `${where} ${status.token ? "It only reads: its token has expired or was revoked." : "It only reads."}`;
}
