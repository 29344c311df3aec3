"""A small MQTT broker in Python, for machines that have no Mosquitto."""
