"""The API of the leader about the cluster."""
