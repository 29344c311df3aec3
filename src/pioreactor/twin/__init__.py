"""Simulated reactor: one `World` per vial, and the simulated chips that measure it."""
