"""Three wires to the world: I²C transfers, PWM lines, GPIO lines."""
