"""Chips as their datasheets describe them, register by register, looking at one world."""
