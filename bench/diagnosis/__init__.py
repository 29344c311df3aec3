"""How well faults are diagnosed: what is said on twins that have one, and on twins that have none."""
