"""MQTT for browsers, over a WebSocket of the same origin."""
