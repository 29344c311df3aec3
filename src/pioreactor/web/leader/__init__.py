"""What the leader answers about the cluster."""
