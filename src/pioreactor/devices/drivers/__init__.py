"""Chips and pins, spoken to over the bus ports only."""
