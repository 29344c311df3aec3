"""Who this unit is, and what its cluster has assigned to it."""
