"""What plugin authors and we import in tests: port contracts, doubles, simulation."""
