"""The running unit, expressed with ports only."""
