"""What a unit remembers: key-values, its job registry, its journal; and, on the leader, the cluster's database."""
