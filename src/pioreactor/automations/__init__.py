"""Jobs that decide: when X then do Y."""
