"""Guided calibrations as sessions of steps, which run the same in a terminal and over HTTP."""
