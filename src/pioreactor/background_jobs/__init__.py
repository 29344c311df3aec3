"""The services of a running reactor."""
