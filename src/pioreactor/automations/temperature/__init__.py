"""Automations that heat."""
