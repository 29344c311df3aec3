"""Several units as one."""
