"""Commands of `pio run` that are not jobs: actions and procedures."""
