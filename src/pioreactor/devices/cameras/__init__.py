"""Cameras that look at the vial: a port, and adapters that run a program of the operating system."""
