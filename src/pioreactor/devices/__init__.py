"""The reactor's parts: capability ports, drivers, and the buses below."""
