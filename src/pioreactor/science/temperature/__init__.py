"""Temperature of the culture: inferred from the heater board, and controlled."""
