"""Actions: single operations on pumps and LEDs."""
