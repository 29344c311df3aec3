"""What the configuration files say, checked once and kept as frozen values."""
