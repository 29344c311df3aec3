"""Time: what it is, how to wait for it, and how to run something beside something else."""
