"""Random troubles of a simulated cluster over hours, and what must hold all the same."""
