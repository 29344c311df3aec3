"""The unit's last line: switches off what nobody answers for. No broker, no network, no plugins."""
