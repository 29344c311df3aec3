"""Services of the leader."""
