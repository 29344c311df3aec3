"""Experiment profiles: what happens on which unit and when, written as YAML and carried out by the leader."""
