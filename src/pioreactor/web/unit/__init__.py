"""The API of a unit."""
