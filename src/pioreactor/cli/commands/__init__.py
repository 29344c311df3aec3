"""One module per command of `pio`."""
