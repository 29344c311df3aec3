"""Experiments over several factors: designs, and settings chosen by Bayesian optimization."""
