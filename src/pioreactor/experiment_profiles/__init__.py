"""Experiment profiles: timed actions on units, written as YAML and run by the leader."""
