"""Where older plugins look for the bases of automations."""
