"""Automations that move liquid."""
