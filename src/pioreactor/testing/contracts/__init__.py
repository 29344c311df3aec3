"""What every adapter of a port must do, as classes of tests: give each a fixture, and run them."""
