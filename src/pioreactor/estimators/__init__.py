"""Estimators of a unit: what fuses several readings into one."""
