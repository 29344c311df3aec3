"""Random faults of a simulated cluster over hours, and what must hold all the same."""
