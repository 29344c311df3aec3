"""HTTP requests between units."""
