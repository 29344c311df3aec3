"""Automations of light."""
