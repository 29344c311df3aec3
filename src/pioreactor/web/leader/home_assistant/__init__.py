"""Home Assistant: what units have, announced over MQTT, and the commands that it may send."""
