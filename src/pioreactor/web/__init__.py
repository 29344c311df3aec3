"""The web server of a unit: its own API, and on the leader the cluster's API, the UI and the live messages."""
